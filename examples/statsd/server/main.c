/* SPDX-License-Identifier: BSD-2-Clause */
/* StatsD in, Prometheus out: all there is of I/O, in one loop around xfn_socket_fd(). */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xfn/channel.h>
#include <xfn/function.h>

#include "errnum.h"
#include "http.h"
#include "statsd.h"

enum { BATCH = 64, BATCHES = 16, FD_EVENTS = HTTP_FDS, FD_CHANNEL, FD_COUNT };

static struct server {
	struct xfn_socket *socket;
	int channel; /* to the starter; -1: none */
	struct http http;
	const char *listen, *textfile;
	int every_s;
	int64_t textfile_at_s;
	bool textfile_failed; /* said already */
	struct statsd statsd;
} server = {.channel = -1, .every_s = 10};

static volatile sig_atomic_t is_ended;

static void on_end(int signo)
{
	(void)signo;
	is_ended = 1;
}

static int64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void write_page(FILE *out, void *context)
{
	struct xfn_socket_stats stats;
	struct statsd_losses losses;

	(void)context;
	xfn_socket_read_stats(server.socket, &stats);
	losses = (struct statsd_losses){.dropped = stats.dropped, .unreadable = stats.unreadable};
	statsd_page_write(&server.statsd, &losses, now_s(), out);
}

/* ---- the text file -------------------------------------------------------------------------------------- */

/* Beside it, then in its place: nobody reads half a page. */
static int write_textfile(const char *path)
{
	char beside[4096];
	FILE *out;
	int err = 0;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	out = fopen(beside, "we");
	if (!out)
		return xfn_errno();
	fchmod(fileno(out), 0644); /* node_exporter is somebody else */
	write_page(out, NULL);
	if (fflush(out) || ferror(out))
		err = xfn_errno();
	if (fclose(out) && !err)
		err = xfn_errno();
	if (!err && rename(beside, path))
		err = xfn_errno();
	if (err)
		unlink(beside);
	return err;
}

/* Says once that it cannot, and tries again each time. */
static void keep_textfile(bool is_due)
{
	int err;

	if (!server.textfile || !(is_due || now_s() >= server.textfile_at_s))
		return;
	err = write_textfile(server.textfile);
	if (err && !server.textfile_failed)
		fprintf(stderr, "statsd: cannot write '%s': %s\n", server.textfile, strerror(-err));
	server.textfile_failed = err != 0;
	server.textfile_at_s = now_s() + server.every_s;
}

/* ---- the loop ------------------------------------------------------------------------------------------- */

/* No end of events keeps the page waiting. */
static void take_events(void)
{
	struct xfn_event events[BATCH];
	int64_t now = now_s();
	int count, i, batches = 0;

	while (batches++ < BATCHES &&
	       (count = xfn_socket_receive(server.socket, events, BATCH)) > 0) {
		for (i = 0; i < count; i++) {
			statsd_take(&server.statsd, (const char *)events[i].payload,
				    events[i].payload_bytes, now);
			xfn_event_release(server.socket, &events[i]);
		}
	}
}

/* One that is gone says nothing, and is not listened to any more (xfn-function(7)). */
static void hear_starter(void)
{
	struct xfn_channel_message message;
	ssize_t bytes = recv(server.channel, &message, sizeof(message), MSG_DONTWAIT);

	if (bytes == 0)
		server.channel = -1;
	if (bytes == (ssize_t)sizeof(message) && message.type == XFN_CHANNEL_STOP)
		is_ended = 1;
}

static void run(const sigset_t *signals)
{
	while (!is_ended) {
		const struct timespec second = {.tv_sec = 1}; /* for what is due by the clock */
		struct pollfd fds[FD_COUNT];

		http_wants(&server.http, now_s(), fds);
		fds[FD_EVENTS] = (struct pollfd){xfn_socket_fd(server.socket), POLLIN, 0};
		fds[FD_CHANNEL] = (struct pollfd){server.channel, POLLIN, 0};
		if (ppoll(fds, FD_COUNT, &second, signals) < 0)
			memset(fds, 0, sizeof(fds)); /* a signal: nothing is known */
		take_events();
		http_run(&server.http, fds, now_s(), write_page, NULL);
		keep_textfile(false);
		if (fds[FD_CHANNEL].revents)
			hear_starter();
	}
	take_events();
	keep_textfile(true);
}

/* ---- start ---------------------------------------------------------------------------------------------- */

/* Signals come while the loop waits, and at no other moment. @ret: what was blocked before. */
static void catch_ends(sigset_t *ret)
{
	const struct sigaction action = {.sa_handler = on_end};
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, ret);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static int read_args(int argc, char **argv)
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
						{"textfile", required_argument, NULL, 't'},
						{"every", required_argument, NULL, 'e'},
						{0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'l')
			server.listen = optarg;
		else if (option == 't')
			server.textfile = optarg;
		else if (option == 'e')
			server.every_s = atoi(optarg);
		else
			return -EINVAL;
	}
	return optind < argc || server.every_s < 1 || (!server.listen && !server.textfile) ? -EINVAL
											   : 0;
}

static int fail(const char *what, const char *name, int err)
{
	fprintf(stderr, "statsd: cannot %s%s%s%s: %s\n", what, name ? " '" : "", name ? name : "",
		name ? "'" : "", strerror(-err));
	return 1;
}

int main(int argc, char **argv)
{
	const char *channel = getenv(XFN_ENV_CHANNEL);
	sigset_t signals;
	int err;

	if (read_args(argc, argv)) {
		fputs("usage: server [--listen PATH] [--textfile PATH [--every SECONDS]]; one of "
		      "both at least\n",
		      stderr);
		return 2;
	}
	if (getrandom(&server.statsd.seed, sizeof(server.statsd.seed), 0) < 0)
		return fail("get a random number", NULL, xfn_errno());
	catch_ends(&signals);
	http_init(&server.http);
	err = server.listen ? http_open(&server.http, server.listen) : 0;
	if (err)
		return fail("listen at", server.listen, err);
	err = xfn_socket_open(&server.socket);
	if (!err) {
		server.channel = channel ? atoi(channel) : -1;
		run(&signals);
		xfn_socket_close(server.socket);
	}
	http_close(&server.http);
	return err ? fail("open the socket of events", NULL, err) : 0;
}
