/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_H
#define XFN_ENGINE_H

/*
 * What the daemon does, behind what it says: attach, plan, apply, swap, read.
 *
 * The engine owns every kernel object (programs, maps, links, their pins) and the revisions on
 * disk. The API is its only caller; everything runs on the one thread of the loop.
 *
 * Every request takes a reply. A function returns
 *   0       the reply is filled, with a success or with a refusal that names its reason
 *   -errno  no reply could be made (-ENOMEM, -ENOSYS); the caller answers 500 and the engine's
 *           state is as before
 * Strings and uploads are borrowed for the length of the call. JSON bodies are as in xfn(8).
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

#include "reply.h"

struct xfn_cgroups;
struct xfn_engine;
struct xfn_journal;
struct xfn_loop;

#define XFN_READY_PORTS_MAX 16

/* Where the engine keeps its things, and whom it works with. All borrowed, for the engine's life. */
struct xfn_engine_options {
	const char *run_dir;         /* sockets and locks; exists */
	const char *pin_dir;         /* on the bpffs that xfn_engine_prepare() saw to; made */
	const char *state_dir;       /* revisions; exists, mode 0700 */
	unsigned ready_ports;        /* that stand by, 0 to XFN_READY_PORTS_MAX */
	struct xfn_cgroups *cgroups; /* where programs get theirs; NULL: nowhere */
	struct xfn_loop *loop;       /* NULL for xfn_engine_reset() */
	struct xfn_journal *journal; /* NULL for xfn_engine_reset() */
};

/*
 * Who asks: from SO_PEERCRED, and the command line as the client tells it ("" if it does not); and
 * what they agreed to beforehand, for whatever change it is. Zeros for a change of the daemon's own.
 */
struct xfn_actor {
	uid_t uid;
	pid_t pid;
	const char *command;
	const char *ssh;     /* SSH_CONNECTION of the client's session, as it tells it; or NULL */
	const char *confirm; /* revert unless confirmed within this, such as "60s"; or NULL */
	bool yes;            /* functions that are in use may go */
	bool force;          /* established sessions may be taken */
};

/* Bytes that came with a request. data[size] is a NUL that is not counted. */
struct xfn_upload {
	const char *name; /* the path as the client wrote it; to be compared, never to be opened */
	const void *data;
	size_t size;
};

struct xfn_attach_request {
	const char *interface;
	const char *mode; /* "native" or "generic"; NULL: the default, native */
	bool coexist;     /* beside others, through libxdp's dispatcher */
	const char *
		next; /* absolute path of a pinned XDP program that gets what is nobody's; or NULL */
};

struct xfn_apply_request {
	struct xfn_upload manifest;
	const char *folder; /* absolute, that the manifest is in; NULL: not said */
	const struct xfn_upload *objects;
	size_t object_count;
	bool keep;      /* keep what was changed by command since the last apply */
	bool overwrite; /* undo what was changed by command since the last apply */
	bool dry;       /* plan: change nothing; set by xfn_engine_plan() itself */
};

struct xfn_explain_request {
	const char *packet;    /* in the notation of xfn(8); NULL: @frame is given */
	const char *frame;     /* in hex, from the Ethernet header on */
	const char *interface; /* NULL: as the packet says, or the one that fits */
	bool run;              /* run the handler too, with maps of its own */
};

struct xfn_latency_query {
	const char *function; /* NULL: all */
	bool stages;          /* all stages; else `total` alone */
};

/*
 * Does what takes rights that the daemon drops before it opens an engine (privileges.h): mounts a
 * bpffs for the pins where there is none. Returns 0 or -errno, with the reason in the journal.
 */
int xfn_engine_prepare(const struct xfn_engine_options *options);

/*
 * Adopts what is pinned and applies the last confirmed revision where bpffs is empty.
 * Returns 0 or -errno, with the reason in the journal. -EEXIST: pins of an unknown schema are
 * there, left alone.
 */
int xfn_engine_open(const struct xfn_engine_options *options, struct xfn_engine **ret);

/* Lets go of everything without detaching anything: pinned state goes on. Takes NULL. */
void xfn_engine_close(struct xfn_engine *engine);

/* Detaches, removes all pins and all revisions. Needs no open engine. Returns 0 or -errno. */
int xfn_engine_reset(const struct xfn_engine_options *options);

/* Changes. */
/*
 * {"interface","mode","coexist","next","revision","warnings":[TEXT]}; no such interface: 404
 * "no_such_interface".
 */
int xfn_engine_attach(struct xfn_engine *engine, const struct xfn_attach_request *request,
		      const struct xfn_actor *actor, struct xfn_reply *reply);
/* {"interface","warnings":[TEXT]}; not attached: 404 "not_attached". */
int xfn_engine_detach(struct xfn_engine *engine, const char *interface,
		      const struct xfn_actor *actor, struct xfn_reply *reply);
/*
 * Objects that the manifest names and the request lacks: 428 with code "objects_needed" and an
 * array "objects" of paths as written in the manifest, beside code and message in "error".
 */
int xfn_engine_plan(struct xfn_engine *engine, const struct xfn_apply_request *request,
		    const struct xfn_actor *actor, struct xfn_reply *reply);
int xfn_engine_apply(struct xfn_engine *engine, const struct xfn_apply_request *request,
		     const struct xfn_actor *actor, struct xfn_reply *reply);
/*
 * {"function","from":"v1","to":"v2","revision","inherited":[MAP]}: private maps taken over as they are.
 * @function: NAME (tenant default) or TENANT/NAME, here and below; none such: 404
 * "no_such_function".
 */
int xfn_engine_swap(struct xfn_engine *engine, const char *function,
		    const struct xfn_upload *object, const struct xfn_actor *actor,
		    struct xfn_reply *reply);

/*
 * Makes an earlier revision the live state again, as a new one. @revision: a number as typed; NULL:
 * the last before the live one that was confirmed. {"revision","restored","changes","warnings"}; none
 * such: 404 "no_such_revision"; damaged: 409 "damaged".
 */
int xfn_engine_rollback(struct xfn_engine *engine, const char *revision,
			const struct xfn_actor *actor, struct xfn_reply *reply);
/* Confirms the pending revision: {"revision"}; none is: 404 "nothing_pending". */
int xfn_engine_confirm(struct xfn_engine *engine, const struct xfn_actor *actor,
		       struct xfn_reply *reply);
/* What `trigger add` and `trigger rm` ask for: one trigger as text, or a CSV of them. */
struct xfn_trigger_request {
	const char *function;
	bool remove;
	const char *text; /* NULL: the file's */
	const struct xfn_upload *csv;
};

/*
 * {"function","added" or "removed","triggers","revision","changed"}. There already: 409
 * "trigger_exists"; not there: 404 "no_such_trigger".
 */
int xfn_engine_trigger(struct xfn_engine *engine, const struct xfn_trigger_request *request,
		       const struct xfn_actor *actor, struct xfn_reply *reply);
/* @limit: as in a manifest, or "none". {"function","limit","revision","changed"}. */
int xfn_engine_limit(struct xfn_engine *engine, const char *function, const char *limit,
		     const struct xfn_actor *actor, struct xfn_reply *reply);
/*
 * Switches a function, or with NULL all of them, off or on. @drop: off drops, else passes.
 * {"function","off":"pass|drop" or null,"revision","changed"}.
 */
int xfn_engine_switch(struct xfn_engine *engine, const char *function, bool on, bool drop,
		      const struct xfn_actor *actor, struct xfn_reply *reply);

/* Readers; none changes anything. */
/* The revisions that are kept, newest first, as in xfn(8). */
int xfn_engine_history(struct xfn_engine *engine, struct xfn_reply *reply);
/*
 * {"version","pid","uptime_ns","interfaces":[{"name","mode","packets","state"}],"functions":N,
 * "triggers":N,"capacity":{"functions","triggers"},"revision":N,"warnings":[TEXT]}
 */
int xfn_engine_status(struct xfn_engine *engine, struct xfn_reply *reply);
int xfn_engine_functions(struct xfn_engine *engine, struct xfn_reply *reply);
/* One object, any members: the CLI prints it as an outline in its order. */
int xfn_engine_function(struct xfn_engine *engine, const char *function, struct xfn_reply *reply);
int xfn_engine_stats(struct xfn_engine *engine, const char *function, struct xfn_reply *reply);
int xfn_engine_latency(struct xfn_engine *engine, const struct xfn_latency_query *query,
		       struct xfn_reply *reply);
int xfn_engine_audit(struct xfn_engine *engine, struct xfn_reply *reply);
/*
 * What would become of a packet, by a dry run that changes nothing; {"interface","verdict","action",
 * "function","version","trigger","packet","stages","others","others_more","unknown"} and, if asked
 * for, "run". A packet that cannot be read: 422 "bad_packet"; interface: 404 "not_attached", 409
 * "nothing_attached", 422 "which_interface".
 */
int xfn_engine_explain(struct xfn_engine *engine, const struct xfn_explain_request *request,
		       struct xfn_reply *reply);
struct xfn_logs_request {
	const char *function;
	__u64 stream; /* as an earlier answer said, 0: none: of another one @after does not hold */
	__u64 after;
};
/*
 * What a function's programs wrote, from byte @after on, as far as it is kept: {"function","stream","first","next",
 * "text"}. "stream" changes where another function gets that name, which counts its bytes anew. A character of which
 * only the beginning was written is left for later. Not a program that xfnd starts: 409 "no_instance".
 */
int xfn_engine_logs(struct xfn_engine *engine, const struct xfn_logs_request *request,
		    struct xfn_reply *reply);
int xfn_engine_doctor(struct xfn_engine *engine, const char *interface, struct xfn_reply *reply);
/* The desired state of one set as canonical YAML: {"set","manifest":TEXT}. NULL: main. */
int xfn_engine_manifest(struct xfn_engine *engine, const char *set, struct xfn_reply *reply);

#endif
