/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_PRIVATE_H
#define XFN_ENGINE_PRIVATE_H

/*
 * What the files of the engine share with each other.
 *
 * Every change takes the same way: engine_change.c begins it with a copy of the live model, the verb
 * (apply, swap, attach, ...) edits the copy, engine_commit.c tries all that can fail, writes the
 * revision, and makes it live with one store.
 */

#include "dataplane.h"
#include "diag.h"
#include "engine.h"
#include "handler.h"
#include "model.h"
#include "ruleset.h"

struct xfn_activity;
struct xfn_netlink;
struct xfn_revision_bounds;
struct xfn_source;
struct xfn_tracing;
struct xfn_targets;
struct xfn_instances;
struct xfn_keeping;
struct xfn_listening;
struct xfn_lost_base;

/* A live revision that is yet to be confirmed, else it is taken back. */
struct xfn_pending {
	__u64 revision;           /* 0: none */
	__u64 within_ns;          /* as asked for */
	__u64 deadline_ns;        /* CLOCK_BOOTTIME */
	struct xfn_model *before; /* what it followed, its programs kept; NULL: cannot be read */
	bool switched; /* something was switched off or on since, which no revision has yet */
	struct xfn_source *timer;
};

struct xfn_engine {
	struct xfn_engine_options options; /* strings are the caller's */
	struct xfn_dataplane *dataplane;
	struct xfn_model *model;               /* the live one */
	struct xfn_ruleset *ruleset;           /* the live one; NULL before the first */
	struct xfn_netlink *netlink;           /* watches links and addresses */
	struct xfn_source *refresh;            /* timer: links or addresses have changed */
	struct xfn_source *next_retry;         /* timer: a program that `next` names is missing */
	bool next_missing[XFN_INTERFACES_MAX]; /* and that was said */
	struct xfn_written *parsed; /* the manifest last sent, so that it is parsed once */
	struct xfn_pending pending;
	struct xfn_tracing *tracing;     /* the trace under way, or NULL */
	struct xfn_activity *activity;   /* when each function was last seen at work */
	struct xfn_source *look;         /* timer: another look at that */
	struct xfn_targets *targets;     /* of deliveries by redirect */
	struct xfn_instances *instances; /* processes of functions that xfnd starts */
	struct xfn_keeping *keeping;     /* what the keeper keeps for it */
	struct xfn_listening *listening; /* their sockets: engine_listen.h */
	/* What sockets had dropped before their functions were there: engine_lost.c. */
	struct xfn_lost_base *lost_bases;
	size_t lost_base_count;
	__u64 surroundings; /* xfn_change.surroundings of the live ruleset */
	bool *entered;      /* by version slot: xfn_handlers holds a program */
	bool *named;        /* scratch of a sweep, by version slot: some model names it */
};

/* Which of a number of slots are taken; the search for a free one goes on from the last found. */
struct xfn_slots {
	bool *used;
	__u32 count;
	__u32 last;
};

/* A change under way. */
struct xfn_change {
	struct xfn_engine *engine;
	struct xfn_model *next;
	const struct xfn_actor *actor;
	struct xfn_diag_list diags;
	struct xfn_fault fault;
	struct xfn_handler_maps inherited; /* by the handler that was loaded last */
	/* Slots that the live model or the next one names. */
	struct xfn_slots functions, versions, histograms;
	struct xfn_capacity capacity; /* of the data plane that the change is for */
	/* Hash of the interfaces and addresses that it was compiled with, and of where it delivers to. */
	__u64 surroundings;
	bool dry;    /* a plan: interfaces count as attached and detached as it would have them */
	bool parted; /* while it is looked ahead: what it lets go counts as detached */
	bool yields; /* it only passes what functions had: no session can be taken by it */
	/*
	 * A switch, made beside what is pending: live, and not a revision yet. To be said before functions
	 * are kept, whose draining versions then stay: what is pending may go back to them.
	 */
	bool beside;
	__u64 confirm_ns;   /* it is taken back unless confirmed within this; 0: it stays */
	__u64 restores;     /* the revision that it brings back; 0: none */
	__u64 reverts;      /* the revision that it takes back; 0: none */
	const char *reason; /* why, if nobody asked for it */
	json_t *sessions; /* established ones that it takes: the first of them, NULL before a look */
	size_t session_count;
	const char *consent; /* the option with which it would be accepted; NULL: none */
	const char *code;    /* of the error, once one is known */
	int status;          /* HTTP status of the error */
};

/* ---- engine_change.c: from the live model to the next one ------------------------------------- */

/*
 * Begins with no sets, functions and attachments, and waits until idle slots are quiet. @capacity:
 * what to plan for; NULL: the data plane's.
 */
int xfn_change_init(struct xfn_change *change, struct xfn_engine *engine,
		    const struct xfn_actor *actor, const struct xfn_capacity *capacity);
void xfn_change_fini(struct xfn_change *change);

/* Copies sets, functions or attachments; all but those of set @except, which may be NULL. */
int xfn_change_keep_sets(struct xfn_change *change, const char *except);
/* Adds @next with the functions of the live set @old, of which it was made. */
int xfn_change_add_set(struct xfn_change *change, const struct xfn_set *old, struct xfn_set *next);

/* Copies all sets and their functions, @next in the place of @old, of which it was made. */
int xfn_change_replace_set(struct xfn_change *change, const struct xfn_set *old,
			   struct xfn_set *next);
int xfn_change_keep_attachments(struct xfn_change *change, const char *except);

/*
 * A function as it is, with its draining version folded into `retired`. @set and @spec replace the
 * old ones if given.
 */
int xfn_change_keep_function(struct xfn_change *change, const struct xfn_model_function *function,
			     struct xfn_set *set, const struct xfn_function_spec *spec);

/* Adds a new function and finds it a slot. -ENOSPC: over capacity, said in diags. */
int xfn_change_add_function(struct xfn_change *change, struct xfn_set *set,
			    const struct xfn_function_spec *spec);

/*
 * Gives @function of the next model a new version, loaded from @object; the old one drains. On
 * refusal the reason is in change->fault.
 */
int xfn_change_load(struct xfn_change *change, struct xfn_model_function *function,
		    const struct xfn_upload *object, const char *program);

/* Sets what the reply to a failed change says: an HTTP status and a word. Returns @err. */
int xfn_change_refuse(struct xfn_change *change, int err, int status, const char *code,
		      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The reply to a change that failed with @err. */
int xfn_change_reply(struct xfn_change *change, int err, const char *what, struct xfn_reply *reply);

/* ---- engine_edit.c: changes by command -------------------------------------------------------- */

/*
 * All sets and functions of the next model, @set with one more edit, made by the change's actor.
 * -EALREADY: there is nothing to change. Other refusals are said in the change.
 */
int xfn_change_edit(struct xfn_change *change, const struct xfn_set *set,
		    struct xfn_edit_spec *spec);

/* ---- engine_off.c ------------------------------------------------------------------------------- */

/*
 * What was switched with xfnd dead (`xfn off --direct`) is in the kernel and not on disk: the kernel
 * is right, and it becomes a revision; where none can be written, it is of the live model all the same.
 * Returns 0, or -errno where not even that could be: whoever goes on then would undo it.
 */
int xfn_engine_adopt_switches(struct xfn_engine *engine);

/* ---- engine_commit.c ------------------------------------------------------------------------------ */

/* Compiles the next model against the interfaces that are attached or prepared now. */
int xfn_change_compile(struct xfn_change *change, struct xfn_ruleset **ret);

/*
 * Makes the next model the live one: attaches what is wanted, compiles, writes the revision,
 * fills the idle generation, flips, and cleans up behind. On failure nothing has changed.
 * The change no longer owns a model afterwards.
 */
int xfn_change_commit(struct xfn_change *change);

/*
 * The same under the number of a revision that is on disk already, and with nothing that can fail but
 * for memory: nothing is written, and interfaces that are not attached are left to wait. For when a
 * change has to be taken back and the usual way fails.
 */
int xfn_change_commit_as(struct xfn_change *change, __u64 revision);

/* Whether a switch of @change is to be made beside what is pending. */
bool xfn_change_goes_beside(const struct xfn_change *change);

/*
 * Commits a switch. With change->beside it is live under the number of what is pending, in what is gone
 * back to as well, and becomes a revision when the matter is settled.
 */
int xfn_change_commit_switch(struct xfn_change *change, const struct xfn_edit_spec *spec);

/*
 * Fills the idle generation with the change's next model and @ruleset, and flips. Takes over @ruleset
 * on success; engine->model stays as it is.
 */
int xfn_engine_install(struct xfn_engine *engine, const struct xfn_change *change,
		       struct xfn_ruleset *ruleset);

/* ---- engine_attach.c ------------------------------------------------------------------------------ */

/*
 * An empty data plane that was made anew for a change that was refused is made again for @attach_type,
 * as it was: what it was made for might be in the next one's way.
 */
void xfn_engine_restore_attach_type(struct xfn_engine *engine, __u32 attach_type);

/* Prepares and links what the model wants and is not attached yet. Undone by the next one. */
int xfn_change_attach(struct xfn_change *change, bool slots[XFN_INTERFACES_MAX]);
int xfn_change_link(struct xfn_change *change, const bool slots[XFN_INTERFACES_MAX]);
void xfn_change_unattach(struct xfn_change *change, const bool slots[XFN_INTERFACES_MAX]);

/* Says what attaching will do to the interfaces that the next model wants and the live one does not. */
void xfn_change_forecast(const struct xfn_change *change, json_t *warnings);

/* Whether something is attached that the next model does not want. */
bool xfn_change_parts(const struct xfn_change *change);

/* Detaches what the live model does not want. */
void xfn_engine_detach_unwanted(struct xfn_engine *engine);

/* An interface that packets come in by, for the rules. */
struct xfn_wire {
	char name[16];
	__u32 ifindex;
	__u32 slot;
	bool fresh; /* prepared, or to be attached by what is planned: live rules see nothing of it */
};

/* Those that are attached or prepared now; for a plan, that would be. Returns their number. */
__u32 xfn_change_wires(const struct xfn_change *change, struct xfn_wire wires[XFN_INTERFACES_MAX]);

/* Addresses of these interfaces, to be freed. */
int xfn_wires_addresses(const struct xfn_wire *wires, __u32 count, struct xfn_ruleset_address **ret,
			__u32 *ret_count);

/* Follows links and addresses from now on. */
int xfn_engine_watch(struct xfn_engine *engine);

/* Attaches what is wanted and has appeared; reads addresses anew. */
int xfn_engine_refresh(struct xfn_engine *engine);

/* ---- engine_next.c: the program that gets what is nobody's ---------------------------------------- */

/* What programs have to be loaded for where an interface is attached in that way. */
__u32 xfn_engine_attach_type(const struct xfn_engine *engine, bool coexist, const char *next);
/* Refuses, since the data plane in use is made for another one than @wanted. */
int xfn_change_refuse_attach_type(struct xfn_change *change, __u32 wanted);

/* Checks the program that @attachment of the next model names, if any, and notes which it is. */
int xfn_change_next(struct xfn_change *change, struct xfn_attachment *attachment);

/*
 * Enters the program that @attachment names, or takes away what is entered where it names none. Returns
 * true if all is as wanted; what goes wrong is said, once.
 */
bool xfn_engine_enter_next(struct xfn_engine *engine, __u32 slot,
			   const struct xfn_attachment *attachment);
/* Enters and takes away such programs, as @model wants; tries again later where one is missing. */
void xfn_engine_settle_next(struct xfn_engine *engine, const struct xfn_model *model);
int xfn_engine_watch_next(struct xfn_engine *engine);

/* True if the program that @attachment names gets what is nobody's in @slot. */
bool xfn_engine_next_runs(const struct xfn_engine *engine, __u32 slot,
			  const struct xfn_attachment *attachment);
/* {"path","id","state":"running|gone"}, or JSON's null where none is named. */
json_t *xfn_engine_next_json(const struct xfn_engine *engine, const char *interface);

/* ---- engine_vlan.c: tags are left in the packets -------------------------------------------------- */

/* Turns RX VLAN offload off where a trigger of the live model names a VLAN, else on again; says so. */
void xfn_engine_settle_vlans(struct xfn_engine *engine);
/* Adds to @list what hides tags from XDP, where @model names VLANs, with the command that mends it. */
void xfn_model_warn_vlans(const struct xfn_model *model, json_t *list);

/* ---- engine_uplink.c ---------------------------------------------------------------------------- */

/* Adds to @options which kinds of functions answer out of the attached interfaces. */
struct xfn_doctor_options;
void xfn_model_needs(const struct xfn_model *model, struct xfn_doctor_options *options);
/* Says which replies of functions that are new, or out of interfaces that are, will not arrive, and what mends it. */
void xfn_change_warn_uplinks(const struct xfn_change *change, json_t *warnings);

/* ---- engine_state.c: the model as a revision on disk -------------------------------------------- */

/* Writes the change's next model, beside @record, which is what the revision says of itself. */
int xfn_state_write(const struct xfn_change *change, const json_t *record);

/* ---- engine_disk.c ------------------------------------------------------------------------- */

/* Reads a revision. Versions have no programs yet. -EBADMSG: damaged; the fault says what. */
int xfn_state_read(const char *state_dir, __u64 revision, struct xfn_model **ret,
		   struct xfn_fault *fault);

/* ---- engine_diff.c ------------------------------------------------------------------------------------ */

/*
 * The "changes" of a plan: what makes @next differ from @live in set @set; NULL: in all of them.
 * Returns NULL without memory.
 */
json_t *xfn_model_diff(struct xfn_model *live, struct xfn_model *next, const char *set);

/* The config that the data plane gets for a function. */
struct xfn_function_config xfn_function_config_of(const struct xfn_model_function *function);
/* "pass", "drop"; NULL: nothing is off. */
const char *xfn_off_label(const struct xfn_edit *off);
/* xfn_engine_switch() of all functions. */
int xfn_engine_switch_all(struct xfn_engine *engine, bool on, bool drop,
			  const struct xfn_actor *actor, struct xfn_reply *reply);
/* What the data plane gets for the edit that switched everything off; NULL: nothing is off. */
enum xfn_off xfn_off_of(const struct xfn_edit *off);
/* The sampling threshold of one event in @sample. */
__u32 xfn_sample_threshold(__u32 sample);

/* ---- engine_room.c: how much the data plane has to hold ----------------------------------------------- */

/* What the sets of @model ask for, for programs that are loaded in the usual way. */
struct xfn_capacity xfn_capacity_of_model(const struct xfn_model *model);

/* @have, made larger where more is asked for, for programs loaded for @attach_type. */
struct xfn_capacity xfn_capacity_with(const struct xfn_capacity *have, __u32 triggers,
				      __u32 functions, __u32 attach_type);

/*
 * An empty data plane is made anew where it is other than @wanted, which a @dry change only reckons with;
 * one in use is not, and the change is refused. To be called before xfn_change_init().
 */
int xfn_change_make_room(struct xfn_change *change, const struct xfn_capacity *wanted, bool dry);

/* ---- engine_open.c ------------------------------------------------------------------------------------ */

/* Revisions that are kept: so many, and so much of them. */
extern const struct xfn_revision_bounds xfn_revisions_kept;

/* Nothing attached, no functions: nobody would notice if the maps were made anew. */
bool xfn_engine_is_empty(const struct xfn_engine *engine);

/*
 * Makes the maps of an empty engine anew, with more room. Returns 0, or -errno where there is not so
 * much: then the engine has the room that it starts with. Does not return where even that fails: there
 * is nothing left to run, and a new start says why.
 */
int xfn_engine_grow(struct xfn_engine *engine, const struct xfn_capacity *capacity,
		    struct xfn_fault *fault);

#endif
