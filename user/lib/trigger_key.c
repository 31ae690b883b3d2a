/* SPDX-License-Identifier: BSD-2-Clause */
/* The key of a trigger: one of a path, a name, a suffix and bytes. */
#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "builder.h"
#include "key.h"

#define FIRST_KEYS 64

const char *xfn_key_label(enum xfn_key_kind kind)
{
	static const char *const labels[] = {"none", "coap_path", "dns_name", "dns_suffix",
					     "bytes"};

	return labels[kind];
}

struct xfn_key_spec *xfn_builder_key(struct xfn_builder *builder)
{
	return &builder->manifest->keys[builder->manifest->key_count - 1];
}

/* One key a trigger at most, so the bound on triggers is one on keys. */
int xfn_key_open(struct xfn_builder *builder, const struct xfn_yaml_event *event)
{
	struct xfn_manifest *manifest = builder->manifest;
	struct xfn_key_spec *keys =
		xfn_array_grow(manifest->keys, manifest->key_count, sizeof(*keys), FIRST_KEYS);

	(void)event;
	if (!keys)
		return -ENOMEM;
	manifest->keys = keys;
	keys[manifest->key_count++] = (struct xfn_key_spec){.kind = XFN_KEY_NONE};
	xfn_builder_trigger(builder)->key = manifest->key_count;
	return 0;
}

int xfn_key_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	size_t given = 0, i;

	for (i = 0; i < frame->row_count; i++)
		given += frame->keys[i].line != 0;
	if (given != 1 && !frame->odd)
		xfn_builder_refuse_at(builder, frame->at,
				      "exactly one of coap_path, dns_name, dns_suffix and bytes",
				      NULL, given ? "several keys in one trigger" : "an empty key");
	return 0;
}

/* ---- paths and names --------------------------------------------------------------------------- */

typedef int parse_fn(const char *text, size_t len, struct xfn_key_parts *ret,
		     struct xfn_unit_error *err);

static int read_parts(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event, enum xfn_key_kind kind, parse_fn *parse)
{
	struct xfn_key_spec *key = xfn_builder_key(builder);
	struct xfn_key_parts parts;
	struct xfn_unit_error err = {0};

	if (parse(event->text, event->len, &parts, &err)) {
		xfn_builder_refuse_unit(builder, row, event, &err);
		return 0;
	}
	key->kind = kind;
	return xfn_builder_keep(builder, event, &key->text);
}

int xfn_read_coap_path(struct xfn_builder *builder, const struct xfn_schema_row *row,
		       const struct xfn_yaml_event *event)
{
	return read_parts(builder, row, event, XFN_KEY_COAP_PATH, xfn_key_path_parse);
}

int xfn_read_dns_name(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	return read_parts(builder, row, event, XFN_KEY_DNS_NAME, xfn_key_name_parse);
}

int xfn_read_dns_suffix(struct xfn_builder *builder, const struct xfn_schema_row *row,
			const struct xfn_yaml_event *event)
{
	return read_parts(builder, row, event, XFN_KEY_DNS_SUFFIX, xfn_key_suffix_parse);
}

/* ---- bytes ------------------------------------------------------------------------------------- */

int xfn_read_key_value(struct xfn_builder *builder, const struct xfn_schema_row *row,
		       const struct xfn_yaml_event *event)
{
	struct xfn_key_spec *key = xfn_builder_key(builder);
	struct xfn_unit_error err = {0};

	if (xfn_key_hex_parse(event->text, event->len, key->value, &key->value_bytes, &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	return 0;
}

int xfn_read_key_mask(struct xfn_builder *builder, const struct xfn_schema_row *row,
		      const struct xfn_yaml_event *event)
{
	struct xfn_key_spec *key = xfn_builder_key(builder);
	struct xfn_unit_error err = {0};

	if (xfn_key_hex_parse(event->text, event->len, key->mask, &key->mask_bytes, &err))
		xfn_builder_refuse_unit(builder, row, event, &err);
	return 0;
}

static bool mask_is_empty(const struct xfn_key_spec *key)
{
	static const __u8 nothing[XFN_KEY_BYTES_MAX];

	return !memcmp(key->mask, nothing, sizeof(nothing));
}

/* The value as far as the mask looks at it; true if something else was in it. */
static bool mask_value(const struct xfn_key_spec *key, __u8 ret[XFN_KEY_BYTES_MAX])
{
	unsigned i;

	for (i = 0; i < XFN_KEY_BYTES_MAX; i++)
		ret[i] = key->value[i] & key->mask[i];
	return memcmp(ret, key->value, XFN_KEY_BYTES_MAX) != 0;
}

static void check_mask(struct xfn_builder *builder, const struct xfn_frame *frame,
		       const struct xfn_key_spec *key)
{
	char hex[2 * XFN_KEY_BYTES_MAX + 1], hint[64];
	__u8 masked[XFN_KEY_BYTES_MAX];

	if (key->mask_bytes != key->value_bytes)
		xfn_builder_refuse_at(builder, xfn_frame_key(frame, "mask"),
				      "as many bytes as the value has", NULL,
				      "the mask has %u bytes, the value %u", key->mask_bytes,
				      key->value_bytes);
	else if (mask_is_empty(key))
		xfn_builder_refuse_at(builder, xfn_frame_key(frame, "mask"),
				      "a mask with a bit in it", NULL,
				      "the mask leaves nothing to compare");
	else if (mask_value(key, masked))
		xfn_builder_refuse_at(builder, xfn_frame_key(frame, "value"),
				      "bits of the mask alone",
				      xfn_hint(hint, sizeof(hint),
					       xfn_key_hex_print(masked, key->value_bytes, hex)),
				      "the value has bits that the mask leaves out");
}

int xfn_key_bytes_close(struct xfn_builder *builder, const struct xfn_frame *frame)
{
	struct xfn_key_spec *key = xfn_builder_key(builder);

	key->kind = XFN_KEY_BYTES;
	if (!xfn_frame_key(frame, "mask").line) {
		memset(key->mask, 0xff, key->value_bytes);
		key->mask_bytes = key->value_bytes;
	}
	if (key->value_bytes && key->mask_bytes)
		check_mask(builder, frame, key);
	return 0;
}
