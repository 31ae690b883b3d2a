/* SPDX-License-Identifier: BSD-2-Clause */
/* What a keeper keeps has bounds: a manifest that asks for more is told before it is live. */
#include <errno.h>

#include "engine_keeper.h"

#define EVENTS_MAX  (XFN_KEEPER_EVENT_BYTES / XFN_KEEPER_EVENT_ROOM)
#define EVENTS_TEXT "296941"
_Static_assert(EVENTS_MAX == 296941, "EVENTS_TEXT says so");
_Static_assert(XFN_KEEPER_FUNCTIONS_MAX == 256, "what is refused says so");

static void refuse(const struct xfn_model_function *function, const char *expected,
		   const char *problem, struct xfn_diag_list *diags)
{
	const struct xfn_diag_info info = {
		.file = function->set->manifest->file,
		.line = function->spec->line,
		.column = function->spec->column,
		.expected = expected,
	};

	xfn_diag_add(diags, &info, "%s, with function '%s'", problem, function->spec->name);
}

int xfn_keeping_check_model(const struct xfn_model *model, struct xfn_diag_list *diags)
{
	const struct xfn_model_function *function;
	__u32 functions = 0;
	__u64 events = 0;
	size_t i;

	for (i = 0; i < model->function_count; i++) {
		function = &model->functions[i];
		if (!xfn_keeping_parks(function->spec))
			continue;
		events += function->spec->xsk.park_events;
		if (++functions > XFN_KEEPER_FUNCTIONS_MAX) {
			refuse(function, "at most 256 of them; the others with park: {events: 0}",
			       "the keeper has no place for so many functions whose events wait",
			       diags);
			return -EINVAL;
		}
		if (events > EVENTS_MAX) {
			refuse(function, "at most " EVENTS_TEXT " for all functions together",
			       "the keeper has no room for so many events that wait (park.events)",
			       diags);
			return -EINVAL;
		}
	}
	return 0;
}
