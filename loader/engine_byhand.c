/* SPDX-License-Identifier: BSD-2-Clause */
/* What was changed by command since the last apply: kept, undone, or asked about. */
#include <errno.h>

#include "engine_apply.h"

int xfn_apply_decide(struct xfn_apply *apply, const struct xfn_model_function *function, bool *keep)
{
	const struct xfn_apply_request *request = apply->request;
	char label[XFN_LABEL_BYTES];
	const char *name = xfn_function_label(function->spec, label);

	*keep = request->keep;
	if (request->dry && !request->keep && !request->overwrite)
		xfn_apply_warn(
			apply,
			"function '%s' runs v%u, which came by command: apply wants --keep or "
			"--overwrite",
			name, function->version->number);
	if (request->keep || request->overwrite || request->dry)
		return 0;
	return xfn_change_refuse(&apply->change, -EEXIST, 409, "changed_by_hand",
				 "function '%s' runs v%u, which came by command: apply --keep "
				 "leaves it, --overwrite loads the manifest's object",
				 name, function->version->number);
}
