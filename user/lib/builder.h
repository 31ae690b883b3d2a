/* SPDX-License-Identifier: BSD-2-Clause */
/* A manifest while it is being read: shared by the walker and the readers of values. */
#ifndef XFN_BUILDER_H
#define XFN_BUILDER_H

#include "schema.h"

struct xfn_place {
	unsigned line; /* 0: nowhere */
	unsigned column;
};

/* A mapping that is open. Lives on the walker's stack. */
struct xfn_frame {
	enum xfn_section section;
	const struct xfn_schema_row *rows; /* of the section */
	size_t row_count;
	struct xfn_place at;
	struct xfn_place
		keys[XFN_SECTION_KEYS_MAX]; /* where each row's key was seen, in row order */
	__u32 given;
	bool odd; /* holds a key that we do not know: don't complain of what is missing */
};

struct xfn_builder {
	struct xfn_manifest *manifest;
	struct xfn_yaml_reader *reader; /* NULL where the text is no YAML */
	struct xfn_diag_list *diags;
	bool in_list; /* the scalar at hand is an item of a list, number item, from 0 */
	size_t item;
	const char
		*name; /* where keys are free: that of the scalar at hand, kept in the manifest */
	struct xfn_place name_at;
	const struct xfn_schema_row *delivery; /* the function's first; NULL: none so far */
	unsigned delivery_line;
	struct xfn_place concurrency; /* of the function; line 0: none so far */
	bool starts; /* the function names a program to start, though one that may have been refused */
};

/* Add a diagnostic at @event, quoting it; @expected and @hint may be NULL. */
void xfn_builder_refuse(struct xfn_builder *builder, const struct xfn_yaml_event *event,
			const char *expected, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The same at a place, quoting nothing. */
void xfn_builder_refuse_at(struct xfn_builder *builder, struct xfn_place at, const char *expected,
			   const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Add the diagnostic of a value that units.h refused: "port '0' is ...", with what was meant. */
void xfn_builder_refuse_unit(struct xfn_builder *builder, const struct xfn_schema_row *row,
			     const struct xfn_yaml_event *event, const struct xfn_unit_error *err);

/* Write "did you mean 'X'?" into @buf; NULL without @meant, else @buf. */
const char *xfn_hint(char *buf, size_t size, const char *meant);

/* Where @frame saw @key; line 0: it did not. */
struct xfn_place xfn_frame_key(const struct xfn_frame *frame, const char *key);

/* The field that @row describes in what is being built. */
void *xfn_builder_field(struct xfn_builder *builder, const struct xfn_schema_row *row);

/* Keep a scalar's text in the manifest. Returns 0 or -ENOMEM. */
int xfn_builder_keep(struct xfn_builder *builder, const struct xfn_yaml_event *event,
		     const char **ret);

/* What is wrong with a text of one line, at most @max bytes; NULL: nothing, an empty one too. */
const char *xfn_text_problem(const char *text, size_t len, size_t max);

/* What is being built at the moment: the last of each kind. */
struct xfn_function_spec *xfn_builder_function(struct xfn_builder *builder);
struct xfn_trigger_spec *xfn_builder_trigger(struct xfn_builder *builder);
struct xfn_key_spec *xfn_builder_key(struct xfn_builder *builder);
struct xfn_attach_spec *xfn_builder_attach(struct xfn_builder *builder);

/*
 * Walk the whole text. Returns 0 when it was read to its end, with diagnostics for what was wrong in
 * it, -EINVAL with a diagnostic when it could not be, or -ENOMEM.
 */
int xfn_builder_walk(struct xfn_builder *builder);

/*
 * Read a text that is the value of @row's key and nothing else. Returns as xfn_builder_walk().
 */
int xfn_builder_walk_value(struct xfn_builder *builder, const struct xfn_schema_row *row);

/* The row of @key in @section that may be used; NULL: there is none. */
const struct xfn_schema_row *xfn_schema_row(enum xfn_section section, const char *key, size_t len);

/* Refuse a key that @frame's section does not have, with what was probably meant. */
void xfn_builder_refuse_key(struct xfn_builder *builder, struct xfn_frame *frame,
			    const struct xfn_yaml_event *key);

/* Refuse what @frame lacks. */
void xfn_builder_check_required(struct xfn_builder *builder, const struct xfn_frame *frame);

/* ---- values.c: readers of plain values ---------------------------------------------------------- */
int xfn_read_version(struct xfn_builder *, const struct xfn_schema_row *,
		     const struct xfn_yaml_event *);
int xfn_read_name(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);
int xfn_read_text(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);
int xfn_read_pin(struct xfn_builder *, const struct xfn_schema_row *,
		 const struct xfn_yaml_event *);
int xfn_read_identifier(struct xfn_builder *, const struct xfn_schema_row *,
			const struct xfn_yaml_event *);
int xfn_read_interface(struct xfn_builder *, const struct xfn_schema_row *,
		       const struct xfn_yaml_event *);
int xfn_read_bool(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);
int xfn_read_count(struct xfn_builder *, const struct xfn_schema_row *,
		   const struct xfn_yaml_event *);
int xfn_read_rate(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);
int xfn_read_duration(struct xfn_builder *, const struct xfn_schema_row *,
		      const struct xfn_yaml_event *);
int xfn_read_percent(struct xfn_builder *, const struct xfn_schema_row *,
		     const struct xfn_yaml_event *);

/*
 * The number of the word that @event is among @count @words; the first @supported of them may be
 * used. -1 with a diagnostic if it is none of those.
 */
int xfn_read_word(struct xfn_builder *builder, const struct xfn_schema_row *row,
		  const struct xfn_yaml_event *event, const char *const *words, size_t supported,
		  size_t count);

/* ---- manifest.c --------------------------------------------------------------------------------- */
/* An empty one, which owns a share of @strings, or has a pool of its own if NULL. NULL: no memory. */
struct xfn_manifest *xfn_manifest_new(const char *file, struct xfn_stringpool *strings);
int xfn_top_close(struct xfn_builder *, const struct xfn_frame *);

/* ---- function.c: functions, deliveries, limits; attach ------------------------------------------ */
int xfn_function_open(struct xfn_builder *, const struct xfn_yaml_event *);
int xfn_function_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_deliver_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_read_disabled(struct xfn_builder *, const struct xfn_schema_row *,
		      const struct xfn_yaml_event *);
int xfn_attach_open(struct xfn_builder *, const struct xfn_yaml_event *);
int xfn_read_attach(struct xfn_builder *, const struct xfn_schema_row *,
		    const struct xfn_yaml_event *);
int xfn_read_mode(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);

/* Note that the function has the delivery of @row, whose key is @event; a second one is refused. */
void xfn_delivery_note(struct xfn_builder *builder, const struct xfn_schema_row *row,
		       const struct xfn_yaml_event *event);

/* ---- delivery.c: sockets and interfaces -------------------------------------------------------- */
int xfn_socket_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_read_socket(struct xfn_builder *, const struct xfn_schema_row *,
		    const struct xfn_yaml_event *);
int xfn_xsk_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_read_xsk(struct xfn_builder *, const struct xfn_schema_row *,
		 const struct xfn_yaml_event *);
int xfn_read_existing(struct xfn_builder *, const struct xfn_schema_row *,
		      const struct xfn_yaml_event *);
int xfn_read_cpu(struct xfn_builder *, const struct xfn_schema_row *,
		 const struct xfn_yaml_event *);
int xfn_read_mac(struct xfn_builder *, const struct xfn_schema_row *,
		 const struct xfn_yaml_event *);

/* ---- exec.c: programs that xfn starts ----------------------------------------------------------- */
int xfn_read_argument(struct xfn_builder *, const struct xfn_schema_row *,
		      const struct xfn_yaml_event *);
int xfn_read_variable(struct xfn_builder *, const struct xfn_schema_row *,
		      const struct xfn_yaml_event *);
int xfn_read_user(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);
int xfn_read_send(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);
int xfn_read_bytes(struct xfn_builder *, const struct xfn_schema_row *,
		   const struct xfn_yaml_event *);
int xfn_read_cpu_share(struct xfn_builder *, const struct xfn_schema_row *,
		       const struct xfn_yaml_event *);
int xfn_read_scale_min(struct xfn_builder *, const struct xfn_schema_row *,
		       const struct xfn_yaml_event *);

/* Refuses what only programs can have that xfn starts, of other functions; once all is read. */
void xfn_exec_check(struct xfn_builder *builder, const struct xfn_frame *frame);

/* ---- sockets.c ---------------------------------------------------------------------------------- */
int xfn_read_reply_from(struct xfn_builder *, const struct xfn_schema_row *,
			const struct xfn_yaml_event *);

/* Refuses triggers of the function that no listening socket of its own can serve. */
void xfn_listen_check(struct xfn_builder *builder);

/* Refuse functions and attached interfaces that are there twice. Returns 0 or -ENOMEM. */
int xfn_builder_find_twins(struct xfn_builder *builder);

/* ---- limit.c ------------------------------------------------------------------------------------ */
int xfn_limit_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_per_source_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_read_excess(struct xfn_builder *, const struct xfn_schema_row *,
		    const struct xfn_yaml_event *);
int xfn_read_source_rate(struct xfn_builder *, const struct xfn_schema_row *,
			 const struct xfn_yaml_event *);
int xfn_read_entries(struct xfn_builder *, const struct xfn_schema_row *,
		     const struct xfn_yaml_event *);

/* Refuses `excess: reply` where no reply is known; once the function's triggers are. */
void xfn_limit_check_reply(struct xfn_builder *builder, const struct xfn_frame *frame);

/* Fills in what the function's limit leaves out. */
void xfn_limit_settle(struct xfn_function_spec *function);

/* ---- trigger.c ---------------------------------------------------------------------------------- */
int xfn_trigger_open(struct xfn_builder *, const struct xfn_yaml_event *);
int xfn_trigger_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_read_trigger(struct xfn_builder *, const struct xfn_schema_row *,
		     const struct xfn_yaml_event *);
int xfn_read_protocol(struct xfn_builder *, const struct xfn_schema_row *,
		      const struct xfn_yaml_event *);
int xfn_read_port(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);
int xfn_read_destination(struct xfn_builder *, const struct xfn_schema_row *,
			 const struct xfn_yaml_event *);
int xfn_read_source(struct xfn_builder *, const struct xfn_schema_row *,
		    const struct xfn_yaml_event *);
int xfn_read_vlan(struct xfn_builder *, const struct xfn_schema_row *,
		  const struct xfn_yaml_event *);

/* ---- trigger_key.c ------------------------------------------------------------------------------ */
int xfn_key_open(struct xfn_builder *, const struct xfn_yaml_event *);
int xfn_key_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_key_bytes_close(struct xfn_builder *, const struct xfn_frame *);
int xfn_read_coap_path(struct xfn_builder *, const struct xfn_schema_row *,
		       const struct xfn_yaml_event *);
int xfn_read_dns_name(struct xfn_builder *, const struct xfn_schema_row *,
		      const struct xfn_yaml_event *);
int xfn_read_dns_suffix(struct xfn_builder *, const struct xfn_schema_row *,
			const struct xfn_yaml_event *);
int xfn_read_key_value(struct xfn_builder *, const struct xfn_schema_row *,
		       const struct xfn_yaml_event *);
int xfn_read_key_mask(struct xfn_builder *, const struct xfn_schema_row *,
		      const struct xfn_yaml_event *);

#endif /* XFN_BUILDER_H */
