/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_MODEL_H
#define XFN_MODEL_H

/*
 * The model: all sets and functions of one revision, and which slots of the maps are theirs.
 *
 * A model is never changed once it is live. A change makes the next model from the live one and
 * something new, tries everything that can fail, and then takes its place; or is freed, and nothing
 * has happened. Sets and versions are counted and shared between models.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

#include "set.h"
#include "xfn/abi.h"

/* What a handler's version did before its slot was given back: absolute numbers. */
struct xfn_retired {
	__u64 invocations;
	__u64 reply_bytes; /* of the frames that it sent as replies */
	__u64 outcomes[XFN_OUTCOME_COUNT];
};

/* A loaded version of an in-kernel handler. Immutable; holds its program. */
struct xfn_version {
	unsigned references;
	__u32 number;    /* v1, v2, ... of its function */
	__u32 slot;      /* in xfn_handlers and xfn_outcomes */
	__u32 histogram; /* slot in xfn_histograms, or XFN_HISTOGRAM_NONE */
	int program_fd;  /* -1 before it is loaded */
	char *program;   /* name in the object as asked for, or NULL: the only one */
	void *object;    /* the bytes it was loaded from */
	size_t object_bytes;
	__u64 sum;       /* xfn_revision_sum() of the object */
	__u64 loaded_ns; /* CLOCK_REALTIME */
};

struct xfn_model_function {
	struct xfn_set *set;                  /* borrowed from the model */
	const struct xfn_function_spec *spec; /* in set->manifest: name, tenant, delivery, limit */
	__u32 slot;                           /* in xfn_functions and xfn_counts */
	__u64 identity;                       /* incarnation of the slot's owner */
	struct xfn_version *version;          /* the live one; NULL unless delivery is kernel */
	struct xfn_version *draining;         /* its predecessor, until the next change; or NULL */
	struct xfn_retired retired;           /* of the versions before */
	__u32 next_version;                   /* number that the next version gets */
	__u32 program_version;                /* number of what its process is of; 0: it has none */
	__u32 histogram; /* slot in xfn_histograms for what its port times, or XFN_HISTOGRAM_NONE */
	uid_t owner;     /* who asked for its `exec`; as whom it runs */
	bool by_hand;    /* version came by command, not from the manifest */
};

/* An interface that is wanted attached; it may be waiting for its device. */
struct xfn_attachment {
	char name[16];
	bool generic;
	bool coexist;               /* through libxdp's dispatcher */
	char set[XFN_NAME_MAX + 1]; /* whose manifest wants it; "": attached by command */
	char next[XFN_NEXT_BYTES_MAX +
		  1];  /* a pinned program that gets what is nobody's; "": none */
	__u32 next_id; /* that program when it was named, and its tag */
	__u8 next_tag[8];
};

struct xfn_model {
	__u64 revision; /* 0: nothing was ever applied */
	__u64 next_identity;
	struct xfn_set **sets; /* in the order they were first applied */
	size_t set_count;
	struct xfn_model_function *functions; /* by set, in the order of the text */
	size_t function_count;
	__u32 *by_name; /* indices of functions in the order of tenant and name; made when needed */
	size_t by_name_count;
	struct xfn_attachment *attachments;
	size_t attachment_count;
	/*
	 * Of a model that was read: the data plane was made for programs without an attach type, for a
	 * `next` or a dispatcher that takes no other (docs/adr/0012-beside-other-programs.md).
	 */
	bool no_attach_type;
	struct xfn_edit *off; /* everything was switched off, by whom; NULL: it is on */
};

struct xfn_version *xfn_version_new(const void *object, size_t object_bytes, const char *program);
struct xfn_version *xfn_version_get(struct xfn_version *version); /* takes NULL */
void xfn_version_put(struct xfn_version *version);                /* takes NULL */
/* The same bytes and program; false if either is NULL. */
bool xfn_version_is_alike(const struct xfn_version *a, const struct xfn_version *b);

struct xfn_model *xfn_model_new(void);
void xfn_model_free(struct xfn_model *model); /* takes NULL */

/* Adds what the pointers name, with a reference of its own to each. Returns 0 or -ENOMEM. */
int xfn_model_add_set(struct xfn_model *model, struct xfn_set *set);
int xfn_model_add_function(struct xfn_model *model, const struct xfn_model_function *function);
int xfn_model_add_attachment(struct xfn_model *model, const struct xfn_attachment *attachment);

/* Switches all functions off, or on with NULL. Takes a reference. */
void xfn_model_set_off(struct xfn_model *model, struct xfn_edit *off);

/* By name; NULL when there is none, or no memory for the index. */
struct xfn_set *xfn_model_set(const struct xfn_model *model, const char *name);
struct xfn_model_function *xfn_model_function(struct xfn_model *model, const char *tenant,
					      const char *name);
/* NAME (tenant default) or TENANT/NAME. */
struct xfn_model_function *xfn_model_function_named(struct xfn_model *model, const char *name);
/*
 * What a user types for a function: NAME, or TENANT/NAME where the tenant is not "default". @buf has
 * room for XFN_LABEL_BYTES; what is returned may lie there or in @spec.
 */
#define XFN_LABEL_BYTES (2 * XFN_NAME_MAX + 2)
const char *xfn_function_label(const struct xfn_function_spec *spec, char *buf);

/*
 * Whether the slots of a model that was read are in the maps, and each of one owner. Returns 0,
 * -EBADMSG with the reason in @fault, or -ENOMEM.
 */
struct xfn_capacity;
struct xfn_fault;
int xfn_model_check(const struct xfn_model *model, const struct xfn_capacity *capacity,
		    struct xfn_fault *fault);

struct xfn_attachment *xfn_model_attachment(const struct xfn_model *model, const char *interface);
struct xfn_model_function *xfn_model_function_in_slot(const struct xfn_model *model, __u32 slot);

#endif
