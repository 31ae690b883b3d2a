/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

static volatile sig_atomic_t interrupted;

static void interrupt(int signo)
{
	(void)signo;
	interrupted = 1;
}

/* Draws over the last frame line by line, so that nothing flickers. */
static void draw(const char *frame)
{
	fputs("\033[H", stdout);
	while (*frame) {
		size_t length = strcspn(frame, "\n");

		fwrite(frame, 1, length, stdout);
		fputs("\033[K\n", stdout);
		frame += length + (frame[length] == '\n');
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

static int render(struct xfn_cli *cli, xfn_frame_fn *frame, void *context, bool on_screen)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int code;

	if (!out)
		return XFN_EXIT_FAILED;
	code = frame(cli, out, context);
	fclose(out);
	if (code == XFN_EXIT_OK && on_screen)
		draw(text);
	else if (code == XFN_EXIT_OK)
		fputs(text, stdout);
	fflush(stdout);
	free(text);
	return code;
}

int xfn_watch(struct xfn_cli *cli, xfn_frame_fn *frame, void *context)
{
	const struct sigaction action = {.sa_handler = interrupt};
	bool on_screen = isatty(STDOUT_FILENO) && !cli->json;
	struct timespec next;
	int code;

	if (!cli->watch)
		return render(cli, frame, context, false);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (on_screen)
		fputs("\033[2J", stdout);
	clock_gettime(CLOCK_MONOTONIC, &next);
	do {
		code = render(cli, frame, context, on_screen);
		next.tv_sec++;
		if (code == XFN_EXIT_OK && !interrupted)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	} while (code == XFN_EXIT_OK && !interrupted);
	return interrupted ? XFN_EXIT_OK : code;
}
