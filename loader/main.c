/* SPDX-License-Identifier: BSD-2-Clause */
/* xfnd: options, the lock, and the order in which the parts come up and go down. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "api.h"
#include "args.h"
#include "broker.h"
#include "cgroup.h"
#include "coexist.h"
#include "engine.h"
#include "errnum.h"
#include "http.h"
#include "journal.h"
#include "launcher.h"
#include "loop.h"
#include "privileges.h"
#include "run.h"
#include "units.h"

#define RUN_DIR   "/run/xfn"
#define PIN_DIR   "/sys/fs/bpf/xfn"
#define STATE_DIR "/var/lib/xfn"

enum { EXIT_USAGE = 2, READY_PORTS = 2 };

struct settings {
	const char *run_dir;
	const char *pin_dir;
	const char *state_dir;
	const char *cgroup;
	const char *ready_ports_text;
	unsigned ready_ports;
	bool reset;
	bool release;
	bool version;
	bool help;
	bool verbose;
};

static const struct xfn_option options[] = {
	{"run-dir", 0, "DIR", "socket and lock (default " RUN_DIR ")",
	 XFN_OPTION_TEXT(struct settings, run_dir)},
	{"pin-dir", 0, "DIR", "pins on bpffs (default " PIN_DIR ")",
	 XFN_OPTION_TEXT(struct settings, pin_dir)},
	{"state-dir", 0, "DIR", "revisions (default " STATE_DIR ")",
	 XFN_OPTION_TEXT(struct settings, state_dir)},
	{"ready-ports", 0, "COUNT", "ports that stand by for programs to be started (default 2)",
	 XFN_OPTION_TEXT(struct settings, ready_ports_text)},
	{"cgroup", 0, "DIR", "where programs get a cgroup each, auto or none (default auto)",
	 XFN_OPTION_TEXT(struct settings, cgroup)},
	{"release-cgroup", 0, NULL, "let systemd start xfnd again in its own cgroup, and exit",
	 XFN_OPTION_FLAG(struct settings, release)},
	{"reset", 0, NULL, "detach, remove all pins and revisions, and exit",
	 XFN_OPTION_FLAG(struct settings, reset)},
	{"verbose", 'v', NULL, "log each request", XFN_OPTION_FLAG(struct settings, verbose)},
	{"version", 0, NULL, "print the version and exit",
	 XFN_OPTION_FLAG(struct settings, version)},
	{"help", 'h', NULL, "print this and exit", XFN_OPTION_FLAG(struct settings, help)},
	{0},
};

/* By enum xfn_api_access. */
static const char *const socket_names[] = {
	[XFN_API_FULL] = "xfn.sock",
	[XFN_API_READ_ONLY] = "xfn-ro.sock",
};
enum { SOCKET_COUNT = sizeof(socket_names) / sizeof(socket_names[0]) };

struct api_socket {
	char path[4096];
	int fd; /* until it is the server's; then -1 */
	struct xfn_http *http;
};

/* Everything that is up, in the order it came up; zeros where it did not. */
struct xfnd {
	int lock_fd, state_fd;
	struct xfn_loop *loop;
	struct xfn_journal *journal;
	char cgroup[4096]; /* to take; "": none */
	struct xfn_cgroups *cgroups;
	struct xfn_engine *engine;
	struct api_socket sockets[SOCKET_COUNT];
	char run_path[4096];
	int run_fd; /* until it is the server's; then -1 */
	struct xfn_run *run;
	struct xfn_source *on_term, *on_int;
	struct xfn_api api;
	bool up;
};

static int fail(const char *what, const char *thing, int err)
{
	fprintf(stderr, "xfnd: cannot %s '%s': %s\n", what, thing, strerror(-err));
	return EXIT_FAILURE;
}

/* Like mkdir -p. */
static int make_dir(const char *path, mode_t mode)
{
	char *copy = strdup(path), *slash;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	for (slash = strchr(copy + 1, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			err = xfn_errno();
		*slash = '/';
	}
	if (!err && mkdir(copy, mode) < 0 && errno != EEXIST)
		err = xfn_errno();
	free(copy);
	return err;
}

/* The lock goes with the process, however that ends. The number in it is for people. */
static int lock_run_dir(const char *run_dir, int *ret)
{
	char path[4096], owner[32] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/xfnd.lock", run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail("open", path, xfn_errno());
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK) {
			fail("lock", path, xfn_errno());
		} else {
			if (read(fd, owner, sizeof(owner) - 1) < 0)
				owner[0] = '\0';
			owner[strcspn(owner, "\n")] = '\0';
			fprintf(stderr,
				"xfnd: cannot use '%s': another xfnd (process %s) is running "
				"there; "
				"give another --run-dir, --pin-dir and --state-dir\n",
				run_dir, *owner ? owner : "?");
		}
		close(fd);
		return EXIT_FAILURE;
	}
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", getpid());
	*ret = fd;
	return 0;
}

/* Two daemons with one state directory would take each other's revisions for their own. */
static int lock_state_dir(const char *state_dir, int *ret)
{
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail("open", state_dir, xfn_errno());
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		fprintf(stderr,
			"xfnd: cannot use '%s': another xfnd keeps its revisions there; give "
			"another --state-dir\n",
			state_dir);
		close(fd);
		return EXIT_FAILURE;
	}
	*ret = fd;
	return 0;
}

static void on_stop(void *context)
{
	struct xfnd *xfnd = context;

	sd_notify(0, "STOPPING=1");
	xfn_loop_exit(xfnd->loop, 0);
}

static int start_loop(struct xfnd *xfnd)
{
	int err = xfn_loop_new(&xfnd->loop);

	if (!err)
		err = xfn_loop_add_signal(xfnd->loop, SIGTERM, on_stop, xfnd, &xfnd->on_term);
	if (!err)
		err = xfn_loop_add_signal(xfnd->loop, SIGINT, on_stop, xfnd, &xfnd->on_int);
	if (!err)
		err = xfn_journal_new(XFN_JOURNAL_EVENTS, false, &xfnd->journal);
	return err < 0 ? fail("start", "event loop", err) : 0;
}

static int bind_sockets(struct xfnd *xfnd, const struct settings *settings)
{
	for (int i = 0; i < SOCKET_COUNT; i++) {
		struct api_socket *socket = &xfnd->sockets[i];

		snprintf(socket->path, sizeof(socket->path), "%s/%s", settings->run_dir,
			 socket_names[i]);
		socket->fd = xfn_api_bind(socket->path, i);
		if (socket->fd < 0)
			return fail("listen at", socket->path, socket->fd);
	}
	snprintf(xfnd->run_path, sizeof(xfnd->run_path), "%s/" XFN_RUN_SOCKET, settings->run_dir);
	xfnd->run_fd = xfn_run_bind(xfnd->run_path);
	return xfnd->run_fd < 0 ? fail("listen at", xfnd->run_path, xfnd->run_fd) : 0;
}

static bool is_automatic(const struct settings *settings)
{
	return !strcmp(settings->cgroup, "auto");
}

/* The one to take. */
static void find_cgroup(struct xfnd *xfnd, const struct settings *settings)
{
	if (is_automatic(settings)) {
		if (xfn_cgroup_find_delegated(xfnd->cgroup, sizeof(xfnd->cgroup)))
			xfnd->cgroup[0] = '\0';
	} else if (strcmp(settings->cgroup, "none")) {
		snprintf(xfnd->cgroup, sizeof(xfnd->cgroup), "%s", settings->cgroup);
	}
}

/* Where none was asked for by name, xfnd does without one that it cannot have. */
static int take_cgroup(struct xfnd *xfnd, const struct settings *settings)
{
	struct xfn_fault fault = {};
	int err = *xfnd->cgroup ? xfn_cgroups_open(xfnd->cgroup, &xfnd->cgroups, &fault) : 0;

	if (!err)
		return 0;
	if (is_automatic(settings)) {
		xfn_journal_add(xfnd->journal, &(struct xfn_journal_event){.type = "error"},
				"programs get no cgroups: %s",
				*fault.text ? fault.text : strerror(-err));
		return 0;
	}
	fprintf(stderr, "xfnd: --cgroup: %s\n", *fault.text ? fault.text : strerror(-err));
	return EXIT_FAILURE;
}

/* All that takes more rights than the daemon keeps; then there is no way back to them. */
static int drop_privileges(struct xfnd *xfnd, const struct settings *settings,
			   const struct xfn_engine_options *engine)
{
	char error[256];
	int code, err = xfn_engine_prepare(engine);

	if (err < 0)
		return fail("start with pins in", settings->pin_dir, err);
	code = bind_sockets(xfnd, settings);
	if (code)
		return code;
	if (xfn_privileges_drop(XFN_ROLE_DAEMON, error, sizeof(error)) < 0) {
		fprintf(stderr, "xfnd: %s\n", error);
		return EXIT_FAILURE;
	}
	return 0;
}

static int serve(struct xfnd *xfnd)
{
	int failed =
		xfn_run_open(xfnd->loop, xfnd->engine, xfnd->run_fd, xfnd->run_path, &xfnd->run);

	if (failed < 0)
		return fail("listen at", xfnd->run_path, failed);
	xfnd->run_fd = -1;
	for (int i = 0; i < SOCKET_COUNT; i++) {
		struct api_socket *socket = &xfnd->sockets[i];
		int fd = socket->fd, err;

		socket->fd = -1;
		err = xfn_api_open(&xfnd->api, i, fd, socket->path, &socket->http);
		if (err < 0)
			return fail("listen at", socket->path, err);
	}
	return 0;
}

static int start(struct xfnd *xfnd, const struct settings *settings)
{
	struct xfn_engine_options engine = {.run_dir = settings->run_dir,
					    .pin_dir = settings->pin_dir,
					    .state_dir = settings->state_dir,
					    .ready_ports = settings->ready_ports};
	int code = start_loop(xfnd), err;

	if (code)
		return code;
	engine.loop = xfnd->loop;
	engine.journal = xfnd->journal;
	code = take_cgroup(xfnd, settings);
	if (code)
		return code;
	engine.cgroups = xfnd->cgroups;
	code = drop_privileges(xfnd, settings, &engine);
	if (code)
		return code;
	err = xfn_engine_open(&engine, &xfnd->engine);
	if (err < 0)
		return fail("start with pins in", settings->pin_dir, err);
	xfnd->api = (struct xfn_api){.engine = xfnd->engine,
				     .journal = xfnd->journal,
				     .loop = xfnd->loop,
				     .verbose = settings->verbose};
	code = serve(xfnd);
	if (code)
		return code;
	xfnd->up = true;
	xfn_journal_add(xfnd->journal, &(struct xfn_journal_event){.type = "start"},
			"xfnd " XFN_VERSION " listens at %s", xfnd->sockets[XFN_API_FULL].path);
	sd_notifyf(0, "READY=1\nSTATUS=listening at %s", xfnd->sockets[XFN_API_FULL].path);
	return 0;
}

/* Nothing here detaches: what is pinned goes on without us. */
static void stop(struct xfnd *xfnd)
{
	if (xfnd->up)
		xfn_journal_add(xfnd->journal, &(struct xfn_journal_event){.type = "stop"},
				"xfnd ends; attached interfaces stay attached");
	for (int i = 0; i < SOCKET_COUNT; i++) {
		xfn_http_close(xfnd->sockets[i].http);
		if (xfnd->sockets[i].fd >= 0) {
			unlink(xfnd->sockets[i].path);
			close(xfnd->sockets[i].fd);
		}
	}
	xfn_run_close(xfnd->run);
	if (xfnd->run_fd >= 0) {
		unlink(xfnd->run_path);
		close(xfnd->run_fd);
	}
	xfn_engine_close(xfnd->engine);
	xfn_cgroups_close(xfnd->cgroups);
	xfn_launcher_stop();
	xfn_coexist_stop();
	xfn_broker_stop();
	xfn_journal_free(xfnd->journal);
	xfn_source_free(xfnd->on_term);
	xfn_source_free(xfnd->on_int);
	xfn_loop_free(xfnd->loop);
	if (xfnd->state_fd >= 0)
		close(xfnd->state_fd);
	if (xfnd->lock_fd >= 0)
		close(xfnd->lock_fd);
}

static bool is_none_wanted(const void *context, const char *name)
{
	(void)context;
	(void)name;
	return false;
}

/* What programs had in the cgroup that is named; what was killed there has a second to end. */
static int reset_cgroup(const struct settings *settings)
{
	enum { TRIES = 50, PAUSE_US = 20000 };
	struct xfn_cgroups *cgroups;
	struct xfn_fault fault = {};
	int tries, err;

	if (!strcmp(settings->cgroup, "auto") || !strcmp(settings->cgroup, "none"))
		return 0;
	err = xfn_cgroups_open(settings->cgroup, &cgroups, &fault);
	if (err) {
		fprintf(stderr, "xfnd: --cgroup: %s\n", fault.text);
		return EXIT_FAILURE;
	}
	for (tries = 0; tries < TRIES; tries++) {
		err = xfn_cgroups_sweep(cgroups, is_none_wanted, NULL);
		if (err != -EBUSY)
			break;
		usleep(PAUSE_US);
	}
	xfn_cgroups_close(cgroups);
	return err ? fail("remove what is in", settings->cgroup, err) : 0;
}

static int reset(const struct settings *settings)
{
	const struct xfn_engine_options engine = {.run_dir = settings->run_dir,
						  .pin_dir = settings->pin_dir,
						  .state_dir = settings->state_dir};
	int err = xfn_engine_reset(&engine);

	if (err < 0)
		return fail("reset", settings->pin_dir, err);
	if (reset_cgroup(settings))
		return EXIT_FAILURE;
	printf("removed all pins under %s and all revisions under %s\n", settings->pin_dir,
	       settings->state_dir);
	return 0;
}

static int run(const struct settings *settings)
{
	struct xfnd xfnd = {.lock_fd = -1, .state_fd = -1, .run_fd = -1};
	int code, err;

	for (int i = 0; i < SOCKET_COUNT; i++)
		xfnd.sockets[i].fd = -1;
	/* First of all: the child must hold no lock of ours. Without it some answers say less. */
	err = settings->reset ? 0 : xfn_broker_start();
	if (err < 0 && err != -EPERM)
		return fail("start", "broker", err);
	err = xfn_coexist_start();
	if (err < 0 && err != -EPERM)
		return fail("start", "coexist", err);
	find_cgroup(&xfnd, settings);
	err = xfn_launcher_start(!*xfnd.cgroup);
	if (err < 0 && err != -EPERM)
		return fail("start", "launcher", err);
	err = make_dir(settings->run_dir, 0755);
	if (err < 0)
		return fail("make directory", settings->run_dir, err);
	err = make_dir(settings->state_dir, 0700);
	if (err < 0)
		return fail("make directory", settings->state_dir, err);
	code = lock_run_dir(settings->run_dir, &xfnd.lock_fd);
	if (!code)
		code = lock_state_dir(settings->state_dir, &xfnd.state_fd);
	if (!code && settings->reset)
		code = reset(settings);
	else if (!code && !(code = start(&xfnd, settings)))
		code = xfn_loop_run(xfnd.loop) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	stop(&xfnd);
	return code;
}

static void print_help(void)
{
	puts("usage: xfnd [OPTION]...\n"
	     "The daemon behind xfn(8): attaches, applies, measures. Runs in the foreground.\n");
	xfn_options_print(stdout, options);
}

/* 0 or EXIT_USAGE, with the reason on standard error. */
static int read_ready_ports(struct settings *settings)
{
	const char *text = settings->ready_ports_text;
	struct xfn_unit_error error;
	__u64 count;

	if (!text)
		return 0;
	if (xfn_count_parse(text, strlen(text), 0, XFN_READY_PORTS_MAX, &count, &error) < 0) {
		fprintf(stderr, "xfnd: --ready-ports: '%s' %s, expected 0 to %d\n", text,
			error.problem, XFN_READY_PORTS_MAX);
		return EXIT_USAGE;
	}
	settings->ready_ports = (unsigned)count;
	return 0;
}

int main(int argc, char **argv)
{
	struct settings settings = {.run_dir = RUN_DIR,
				    .pin_dir = PIN_DIR,
				    .state_dir = STATE_DIR,
				    .cgroup = "auto",
				    .ready_ports = READY_PORTS};
	const struct xfn_option_set set = {options, &settings};
	struct xfn_args_error error;
	struct xfn_args args;

	if (xfn_args_parse(argc - 1, argv + 1, &set, 1, false, &args, &error) < 0) {
		fprintf(stderr, "xfnd: %s\nxfnd --help\n", error.text);
		return EXIT_USAGE;
	}
	if (args.count > 0) {
		fprintf(stderr, "xfnd: takes no arguments, got '%s'\n", args.words[0]);
		xfn_args_fini(&args);
		return EXIT_USAGE;
	}
	xfn_args_fini(&args);
	if (settings.help) {
		print_help();
		return 0;
	}
	if (settings.version) {
		puts("xfnd " XFN_VERSION);
		return 0;
	}
	if (settings.release)
		return xfn_cgroup_release_delegated() ? EXIT_FAILURE : EXIT_SUCCESS;
	if (read_ready_ports(&settings))
		return EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN);
	return run(&settings);
}
