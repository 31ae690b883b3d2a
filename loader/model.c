/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
#include "revision.h"

struct xfn_version *xfn_version_new(const void *object, size_t object_bytes, const char *program)
{
	struct xfn_version *version = calloc(1, sizeof(*version));

	if (!version)
		return NULL;
	version->references = 1;
	version->program_fd = -1;
	version->histogram = XFN_HISTOGRAM_NONE;
	version->object = malloc(object_bytes ?: 1);
	version->program = program ? strdup(program) : NULL;
	if (!version->object || (program && !version->program)) {
		xfn_version_put(version);
		return NULL;
	}
	memcpy(version->object, object, object_bytes);
	version->object_bytes = object_bytes;
	version->sum = xfn_revision_sum(object, object_bytes);
	return version;
}

struct xfn_version *xfn_version_get(struct xfn_version *version)
{
	if (version)
		version->references++;
	return version;
}

void xfn_version_put(struct xfn_version *version)
{
	if (!version || --version->references)
		return;
	if (version->program_fd >= 0)
		close(version->program_fd);
	free(version->program);
	free(version->object);
	free(version);
}

bool xfn_version_is_alike(const struct xfn_version *a, const struct xfn_version *b)
{
	return a && b && a->object_bytes == b->object_bytes &&
	       !memcmp(a->object, b->object, a->object_bytes) &&
	       !strcmp(a->program ?: "", b->program ?: "");
}

struct xfn_model *xfn_model_new(void)
{
	return calloc(1, sizeof(struct xfn_model));
}

void xfn_model_free(struct xfn_model *model)
{
	size_t i;

	if (!model)
		return;
	for (i = 0; i < model->function_count; i++) {
		xfn_version_put(model->functions[i].version);
		xfn_version_put(model->functions[i].draining);
	}
	for (i = 0; i < model->set_count; i++)
		xfn_set_put(model->sets[i]);
	xfn_edit_put(model->off);
	free(model->by_name);
	free(model->attachments);
	free(model->functions);
	free(model->sets);
	free(model);
}

/* Room for one more element: arrays grow by doubling, at 0 and each power of two. */
static void *grow(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return reallocarray(array, count ? 2 * count : 1, size);
}

int xfn_model_add_set(struct xfn_model *model, struct xfn_set *set)
{
	struct xfn_set **sets = grow(model->sets, model->set_count, sizeof(*sets));

	if (!sets)
		return -ENOMEM;
	model->sets = sets;
	sets[model->set_count++] = xfn_set_get(set);
	return 0;
}

int xfn_model_add_function(struct xfn_model *model, const struct xfn_model_function *function)
{
	struct xfn_model_function *functions =
		grow(model->functions, model->function_count, sizeof(*functions));

	if (!functions)
		return -ENOMEM;
	model->functions = functions;
	functions[model->function_count] = *function;
	xfn_version_get(function->version);
	xfn_version_get(function->draining);
	model->function_count++;
	return 0;
}

int xfn_model_add_attachment(struct xfn_model *model, const struct xfn_attachment *attachment)
{
	struct xfn_attachment *attachments =
		grow(model->attachments, model->attachment_count, sizeof(*attachments));

	if (!attachments)
		return -ENOMEM;
	model->attachments = attachments;
	attachments[model->attachment_count++] = *attachment;
	return 0;
}

void xfn_model_set_off(struct xfn_model *model, struct xfn_edit *off)
{
	xfn_edit_get(off);
	xfn_edit_put(model->off);
	model->off = off;
}

struct xfn_attachment *xfn_model_attachment(const struct xfn_model *model, const char *interface)
{
	size_t i;

	for (i = 0; i < model->attachment_count; i++)
		if (!strcmp(model->attachments[i].name, interface))
			return &model->attachments[i];
	return NULL;
}

struct xfn_set *xfn_model_set(const struct xfn_model *model, const char *name)
{
	size_t i;

	for (i = 0; i < model->set_count; i++)
		if (!strcmp(model->sets[i]->manifest->set, name))
			return model->sets[i];
	return NULL;
}

static int compare_names(const struct xfn_function_spec *spec, const char *tenant, const char *name)
{
	return strcmp(spec->tenant, tenant) ?: strcmp(spec->name, name);
}

static int compare_indices(const void *a, const void *b, void *functions)
{
	const struct xfn_model_function *list = functions;
	const struct xfn_function_spec *spec = list[*(const __u32 *)b].spec;

	return compare_names(list[*(const __u32 *)a].spec, spec->tenant, spec->name);
}

static int index_by_name(struct xfn_model *model)
{
	__u32 *index;
	size_t i;

	if (model->by_name_count == model->function_count)
		return 0;
	index = reallocarray(model->by_name, model->function_count, sizeof(*index));
	if (!index)
		return -ENOMEM;
	for (i = 0; i < model->function_count; i++)
		index[i] = i;
	qsort_r(index, model->function_count, sizeof(*index), compare_indices, model->functions);
	model->by_name = index;
	model->by_name_count = model->function_count;
	return 0;
}

struct xfn_model_function *xfn_model_function(struct xfn_model *model, const char *tenant,
					      const char *name)
{
	struct xfn_model_function *function;
	size_t low = 0, high = model->function_count, middle;
	int order;

	if (index_by_name(model))
		return NULL;
	while (low < high) {
		middle = low + (high - low) / 2;
		function = &model->functions[model->by_name[middle]];
		order = compare_names(function->spec, tenant, name);
		if (!order)
			return function;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct xfn_model_function *xfn_model_function_named(struct xfn_model *model, const char *name)
{
	const char *slash = strchr(name, '/');
	char tenant[XFN_NAME_MAX + 1] = "default";

	if (!slash)
		return xfn_model_function(model, tenant, name);
	if ((size_t)(slash - name) >= sizeof(tenant))
		return NULL;
	memcpy(tenant, name, slash - name);
	tenant[slash - name] = '\0';
	return xfn_model_function(model, tenant, slash + 1);
}

struct xfn_model_function *xfn_model_function_in_slot(const struct xfn_model *model, __u32 slot)
{
	size_t i;

	for (i = 0; i < model->function_count; i++)
		if (model->functions[i].slot == slot)
			return &model->functions[i];
	return NULL;
}

const char *xfn_function_label(const struct xfn_function_spec *spec, char *buf)
{
	if (!strcmp(spec->tenant, "default"))
		return spec->name;
	snprintf(buf, XFN_LABEL_BYTES, "%s/%s", spec->tenant, spec->name);
	return buf;
}
