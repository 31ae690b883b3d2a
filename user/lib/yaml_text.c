/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>

#include "manifest.h"
#include "utf8.h"
#include "yaml_text.h"

static const char *byte_problem(const char *at, size_t left, size_t *ret_step)
{
	unsigned char byte = *at;

	*ret_step = 1;
	if ((byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\t' || byte == '\r')
		return NULL;
	if (byte < 0x20 || byte == 0x7f)
		return "control character in the text";
	*ret_step = xfn_utf8_length(at, left);
	if (!*ret_step)
		return "the text is not UTF-8";
	return byte == 0xc2 && xfn_utf8_is_control(at, *ret_step) ? "control character in the text"
								  : NULL;
}

static int refuse_byte(struct xfn_diag_list *diags, struct xfn_diag_info *info, const char *problem,
		       char byte)
{
	info->expected = "plain text";
	xfn_diag_add(diags, info, "%s (byte 0x%02x)", problem, (unsigned char)byte);
	return -EINVAL;
}

static int refuse_line(struct xfn_diag_list *diags, struct xfn_diag_info *info)
{
	info->column = 0;
	info->expected = "shorter lines; JSON may be broken after any comma";
	xfn_diag_add(diags, info, "a line of more than %u bytes", XFN_YAML_LINE_MAX);
	return -EINVAL;
}

/* As YAML has it: \n, \r\n, or \r alone. */
static bool ends_line(const char *at, size_t left)
{
	return *at == '\n' || (*at == '\r' && (left == 1 || at[1] != '\n'));
}

int xfn_yaml_text_check(const char *file, const char *text, size_t len, struct xfn_diag_list *diags)
{
	struct xfn_diag_info info = {.file = file};
	size_t line_start = 0, step;
	const char *problem;

	if (len > XFN_MANIFEST_BYTES_MAX) {
		xfn_diag_add(diags, &info, "the text is too long: %zu bytes, at most %lu", len,
			     XFN_MANIFEST_BYTES_MAX);
		return -EINVAL;
	}
	info.line = info.column = 1;
	for (size_t i = 0; i < len; i += step, info.column++) {
		problem = byte_problem(text + i, len - i, &step);
		if (problem)
			return refuse_byte(diags, &info, problem, text[i]);
		if (i - line_start >= XFN_YAML_LINE_MAX)
			return refuse_line(diags, &info);
		if (ends_line(text + i, len - i)) {
			info.line++;
			info.column = 0;
			line_start = i + 1;
		}
	}
	return 0;
}
