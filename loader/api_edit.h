/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_API_EDIT_H
#define XFN_API_EDIT_H

/* Routes of the changes by command: POST /v1/trigger, /v1/limit, /v1/off, /v1/on. */

#include "http.h"

xfn_route_fn xfn_api_post_trigger, xfn_api_post_limit, xfn_api_post_off, xfn_api_post_on;

#endif
