/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arms fault.so in a running process, through the file that both share.
 *
 *	inject FILE make               an unarmed file, to be named in XFN_FAULT
 *	inject FILE arm KIND STEP [ERRNO]   strike at that step; 0: count only
 *	inject FILE show               "STRUCK STEPS CALL", and unarm
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"

static const char *const kinds[] = {
#define X(NAME, word, meaning) #word,
	FAULT_KINDS(X)
#undef X
};

static struct fault *map_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	struct fault *fault;

	if (fd < 0 || ftruncate(fd, sizeof(*fault)))
		return NULL;
	fault = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return fault == MAP_FAILED ? NULL : fault;
}

static int arm(struct fault *fault, int count, char **words)
{
	unsigned kind;

	for (kind = 0; kind < FAULT_KIND_COUNT; kind++)
		if (!strcmp(kinds[kind], words[0]))
			break;
	if (kind == FAULT_KIND_COUNT)
		return 2;
	__atomic_store_n(&fault->armed, 0, __ATOMIC_RELEASE);
	fault->kind = kind;
	fault->at = strtoull(words[1], NULL, 10);
	fault->error = count > 2 ? atoi(words[2]) : ENOMEM;
	fault->struck = 0;
	fault->steps = 0;
	fault->call[0] = '\0';
	__atomic_store_n(&fault->armed, 1, __ATOMIC_RELEASE);
	return 0;
}

static int show(struct fault *fault)
{
	__atomic_store_n(&fault->armed, 0, __ATOMIC_RELEASE);
	printf("%u %llu %s\n", fault->struck, fault->steps, fault->call);
	return 0;
}

int main(int argc, char **argv)
{
	struct fault *fault = argc > 2 ? map_file(argv[1]) : NULL;

	if (fault && !strcmp(argv[2], "make"))
		return 0;
	if (fault && !strcmp(argv[2], "show"))
		return show(fault);
	if (fault && argc > 4 && !strcmp(argv[2], "arm"))
		return arm(fault, argc - 3, argv + 3);
	fputs("usage: inject FILE make | arm KIND STEP [ERRNO] | show\n", stderr);
	return 2;
}
