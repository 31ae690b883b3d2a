/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_INSTANCES_H
#define XFN_ENGINE_INSTANCES_H

/*
 * Functions that xfnd starts: their ports (engine_port.c) and their processes (engine_instances.c), from the
 * model to the maps and the launcher.
 */

#include "engine_listen.h"
#include "engine_private.h"
#include "instance.h"
#include "port.h"

/* ---- engine_port.c --------------------------------------------------------------------------------- */

/*
 * Gives @function of the next model its port, with the rules of what may leave it in the generation that is
 * being filled, and puts the port into @config. -ENOSPC: all ports are taken.
 */
int xfn_port_enter(struct xfn_engine *engine, const struct xfn_model_function *function,
		   unsigned generation, struct xfn_function_config *config);

/*
 * What leaves ports whose functions are not in the next model may go on to leave them in the generation that is
 * being filled: their instances answer what they have.
 */
void xfn_ports_carry(struct xfn_engine *engine, const struct xfn_model *next, unsigned generation);

/* Frees ports that no model's function has, but for those that an instance is still at. */
void xfn_ports_sweep(struct xfn_engine *engine);

/* Replies go out of the interfaces that are attached now. */
void xfn_ports_follow(struct xfn_engine *engine);

/* Whether replies of @function may leave from that many places: at most XFN_PORT_RULES_MAX. */
__u32 xfn_port_rule_count(const struct xfn_manifest *manifest,
			  const struct xfn_function_spec *spec);

/* ---- engine_instances.c ------------------------------------------------------------------------------ */

struct xfn_instances;

/* Goes on with those that an earlier xfnd left; where the data plane is new, ends them. 0 or -errno. */
int xfn_instances_open(struct xfn_engine *engine, bool adopt);
/* Lets go of them: they go on. */
void xfn_instances_close(struct xfn_engine *engine);

/* Starts and stops what the live model wants started and stopped. */
void xfn_instances_sync(struct xfn_engine *engine);

/* The function of that identity in the live model, or NULL. */
const struct xfn_model_function *xfn_member_function(const struct xfn_engine *engine,
						     __u64 identity);

/* An event waits for a function. */
void xfn_instances_wake(struct xfn_engine *engine, __u64 identity);

/* To a new keeper: what it is to keep of those that start. */
void xfn_instances_store(struct xfn_engine *engine);

/* The data plane was made anew: programs for the former one are of no use. */
void xfn_instances_renew(struct xfn_engine *engine);

/* Whether the function's program runs, or will with the first event. */
bool xfn_instances_serve(const struct xfn_engine *engine,
			 const struct xfn_model_function *function);

/* How the function's program is, as in `show`: "ready", "parked", ...; NULL: it has none. */
const char *xfn_instances_state(const struct xfn_engine *engine,
				const struct xfn_model_function *function);

enum xfn_health {
	XFN_HEALTH_NONE,   /* it has no program: nothing is said */
	XFN_HEALTH_READY,  /* its program takes events: nothing is said */
	XFN_HEALTH_ABSENT, /* not there, as it is meant to be: idle, or on its first way */
	XFN_HEALTH_AILING, /* it has ended by itself, and is started again */
	XFN_HEALTH_PARKED, /* again and again: it is not tried for some time */
};
#define XFN_HEALTH_WORDS 640
/* How the function's program is; why it takes no event, in @words: "its program has ended, ...: exit status 1". */
enum xfn_health xfn_instances_health(const struct xfn_engine *engine,
				     const struct xfn_model_function *function,
				     char words[XFN_HEALTH_WORDS]);

/* Whether an instance is on its way from its fork to being ready. */
bool xfn_instances_start_now(const struct xfn_engine *engine);

/* Whether an instance is at @port. */
bool xfn_instances_use(const struct xfn_engine *engine, __u32 port);

/* "instance" of show: {"state","pid","since","restarts","port","interface","last_end",...}, or null. */
json_t *xfn_instance_json(const struct xfn_engine *engine,
			  const struct xfn_model_function *function);

/* Ends all that files in @run_dir name, and removes their interfaces. Needs no engine. */
void xfn_instances_reset(const char *run_dir);

#endif
