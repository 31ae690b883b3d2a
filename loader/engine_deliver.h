/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_ENGINE_DELIVER_H
#define XFN_ENGINE_DELIVER_H

/* Deliveries by redirect, from the manifest to the maps: engine_deliver.c; behind them: engine_lost.c. */

#include "doctor.h"
#include "engine_private.h"

/* How the data plane delivers to a function. */
enum xfn_function_delivery xfn_delivery_of(const struct xfn_function_spec *spec);

/*
 * Where a function's packets go at this moment, with the MAC that the manifest gives or that of the far
 * end of a veth. Returns 0; -ENODEV: no such interface; -ENOTTY: it is not Ethernet; -EDESTADDRREQ:
 * whoever is behind it is not known.
 */
int xfn_delivery_resolve(const struct xfn_function_spec *spec, struct xfn_target *ret);

/* Continues @hash with where all functions' packets go: what the live targets hang on. */
__u64 xfn_deliveries_hash(const struct xfn_model *model, __u64 hash);

/*
 * Puts the target of a function into @config, which is for @generation, the one being filled. One that is
 * nowhere at this moment gets none: no_target. Returns 0 or -errno.
 */
int xfn_delivery_enter(struct xfn_engine *engine, const struct xfn_model_function *function,
		       unsigned generation, struct xfn_function_config *config);

/* Listens behind the redirects, if @next, for which a generation is being filled, has any; says where it cannot. */
void xfn_deliveries_listen(struct xfn_engine *engine, const struct xfn_model *next);

/* The generation is live, of @model: what is left over goes, once its packets have passed. */
void xfn_deliveries_settle(struct xfn_engine *engine, const struct xfn_model *model);

/* It is not: what was entered for it goes. */
void xfn_deliveries_forget(struct xfn_engine *engine);

/*
 * Adds to @options what functions there are, and the interfaces and CPUs that the model's functions deliver to. *ret is the list of
 * their names, to be freed behind the use of @options. Returns 0 or -ENOMEM.
 */
int xfn_deliveries_doctor(const struct xfn_model *model, struct xfn_doctor_options *options,
			  const char ***ret);

#endif
