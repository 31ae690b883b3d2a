/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which BPF objects belong to one xfnd, and whether they are gone.
 *
 *	leftover list DIR [PID]     what is pinned below DIR or held by the process: "map 12 xfn_counts"
 *	leftover gone [SECONDS]     reads such a list; prints what is still there after that time
 *
 * Names tell nothing where several xfnd run at once; ids do.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

enum { LINES_MAX = 4096, LINE_BYTES = 128 };

static void print_map(int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info), index, id;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return;
	printf("map %u %s\n", info.id, info.name);
	for (index = 0; info.type == BPF_MAP_TYPE_PROG_ARRAY && index < info.max_entries; index++)
		if (!bpf_map_lookup_elem(fd, &index, &id))
			printf("prog %u %s[%u]\n", id, info.name, index);
}

static int print_pin(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	int fd;

	(void)stat;
	(void)ftw;
	if (kind != FTW_F)
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (strstr(path, "/interfaces/")) {
		if (!bpf_obj_get_info_by_fd(fd, &info, &size))
			printf("link %u %s\nprog %u root\n", info.id, path, info.prog_id);
	} else {
		print_map(fd);
	}
	close(fd);
	return 0;
}

static void print_held(const char *pid)
{
	char path[512], line[128];
	struct dirent *entry;
	unsigned id;
	DIR *dir;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, entry->d_name);
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file)) {
			if (sscanf(line, "map_id: %u", &id) == 1)
				printf("map %u held\n", id);
			else if (sscanf(line, "prog_id: %u", &id) == 1)
				printf("prog %u held\n", id);
			else if (sscanf(line, "link_id: %u", &id) == 1)
				printf("link %u held\n", id);
		}
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
}

static int is_there(const char *line)
{
	static const struct {
		const char *kind;
		int (*open)(__u32 id);
	} kinds[] = {
		{"map", bpf_map_get_fd_by_id},
		{"prog", bpf_prog_get_fd_by_id},
		{"link", bpf_link_get_fd_by_id},
	};
	unsigned id, i;
	char kind[16];
	int fd;

	if (sscanf(line, "%15s %u", kind, &id) != 2)
		return 0;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i].kind))
			continue;
		fd = kinds[i].open(id);
		if (fd >= 0)
			close(fd);
		return fd >= 0 || errno != ENOENT;
	}
	return 0;
}

/* The kernel frees in its own time: a grace period and a work queue away. */
static int wait_gone(double seconds)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	static char lines[LINES_MAX][LINE_BYTES];
	int count = 0, i, tries;

	while (count < LINES_MAX && fgets(lines[count], LINE_BYTES, stdin))
		count++;
	for (i = 0, tries = (int)(seconds * 100); i < count; i++)
		while (is_there(lines[i]) && tries-- > 0)
			nanosleep(&pause, NULL);
	for (i = 0, tries = 0; i < count; i++) {
		if (!is_there(lines[i]))
			continue;
		fputs(lines[i], stdout);
		tries = 1;
	}
	return tries;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "list")) {
		nftw(argv[2], print_pin, 16, FTW_PHYS);
		if (argc > 3)
			print_held(argv[3]);
		return 0;
	}
	if (argc >= 2 && !strcmp(argv[1], "gone"))
		return wait_gone(argc > 2 ? strtod(argv[2], NULL) : 2);
	fputs("usage: leftover list DIR [PID] | leftover gone [SECONDS]\n", stderr);
	return 2;
}
