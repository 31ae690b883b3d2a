/* SPDX-License-Identifier: BSD-2-Clause */
/* From triggers, and the addresses of attached interfaces, to sockets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/rtnetlink.h>

#include "engine_listen_private.h"
#include "fnv.h"
#include "journal.h"
#include "keeper.h"
#include "netlink.h"

/* ---- what cannot be ------------------------------------------------------------------------------------ */

static void refuse(struct xfn_diag_list *diags, const struct xfn_model_function *function,
		   const struct xfn_trigger_spec *trigger, const char *expected,
		   const char *problem)
{
	const struct xfn_manifest *manifest = function->set->manifest;
	const struct xfn_diag_info info = {
		.file = trigger ? manifest->files[trigger->file] : manifest->file,
		.line = trigger ? trigger->line : function->spec->line,
		.column = trigger ? trigger->column : function->spec->column,
		.expected = expected,
	};

	xfn_diag_add(diags, &info, "%s of '%s', a program that is given its sockets", problem,
		     function->spec->name);
}

static void check_function(const struct xfn_model_function *function, struct xfn_diag_list *diags)
{
	const struct xfn_manifest *manifest = function->set->manifest;
	const struct xfn_trigger_spec *triggers = xfn_function_triggers(manifest, function->spec);
	struct xfn_socket_wanted wanted[XFN_SOCKETS_MAX];
	const char *problem, *expected;
	__u32 i, before = diags->count + diags->more;

	for (i = 0; i < function->spec->trigger_count; i++) {
		problem = xfn_trigger_not_listened(manifest, &triggers[i], &expected);
		if (problem)
			refuse(diags, function, &triggers[i], expected, problem);
	}
	if (before == diags->count + diags->more &&
	    xfn_sockets_wanted(manifest, function->spec, wanted) > XFN_SOCKETS_MAX)
		refuse(diags, function, NULL, "at most 16 ports and addresses",
		       "more than 16 sockets");
}

static bool collides(const struct xfn_socket_wanted *a, const struct xfn_socket_wanted *b)
{
	return a->protocol == b->protocol && a->port == b->port &&
	       (a->own || b->own || !memcmp(&a->address, &b->address, sizeof(a->address)));
}

/* The port that both ask for, at one address; 0: none. */
static __u16 common_port(const struct xfn_model_function *a, const struct xfn_model_function *b)
{
	struct xfn_socket_wanted of_a[XFN_SOCKETS_MAX], of_b[XFN_SOCKETS_MAX];
	__u32 a_count = xfn_sockets_wanted(a->set->manifest, a->spec, of_a);
	__u32 b_count = xfn_sockets_wanted(b->set->manifest, b->spec, of_b);
	__u32 i, j;

	for (i = 0; i < a_count && i < XFN_SOCKETS_MAX; i++)
		for (j = 0; j < b_count && j < XFN_SOCKETS_MAX; j++)
			if (collides(&of_a[i], &of_b[j]))
				return of_a[i].port;
	return 0;
}

static void check_pairs(const struct xfn_model *model, size_t last, struct xfn_diag_list *diags)
{
	const struct xfn_model_function *function = &model->functions[last];
	char text[160];
	__u16 port;
	size_t i;

	for (i = 0; i < last; i++) {
		if (!xfn_is_listening(model->functions[i].spec))
			continue;
		port = common_port(&model->functions[i], function);
		if (!port)
			continue;
		snprintf(text, sizeof(text), "port %u, where '%s' listens already,", port,
			 model->functions[i].spec->name);
		refuse(diags, function, NULL, "ports or addresses of its own", text);
	}
}

static int check_total(const struct xfn_model *model, struct xfn_diag_list *diags);

int xfn_listen_check_model(const struct xfn_model *model, struct xfn_diag_list *diags)
{
	__u32 before = diags->count + diags->more;
	size_t i;

	for (i = 0; i < model->function_count; i++) {
		if (!xfn_is_listening(model->functions[i].spec))
			continue;
		check_function(&model->functions[i], diags);
		check_pairs(model, i, diags);
	}
	return before == diags->count + diags->more ? check_total(model, diags) : -EINVAL;
}

/* ---- addresses ------------------------------------------------------------------------------------------ */

/* In the order in which there is room for them: IPv4, IPv6, link-local. */
static int rank_of(const struct xfn_address *address)
{
	if (address->family == AF_INET)
		return 0;
	return address->scope == RT_SCOPE_LINK ? 2 : 1;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct xfn_address *x = a, *y = b;
	int order = rank_of(x) - rank_of(y);

	order = order ?: memcmp(x->address, y->address, sizeof(x->address));
	return order ?: (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static bool is_attached(const void *context, __u32 ifindex)
{
	const struct xfn_engine *engine = context;
	__u32 slot;

	for (slot = 0; slot < XFN_INTERFACES_MAX; slot++)
		if (engine->dataplane->interface[slot].used &&
		    engine->dataplane->interface[slot].ifindex == ifindex)
			return true;
	return false;
}

/* Those of interfaces that are @wanted are the first *ret_count of @state's then. */
static int read_addresses(struct xfn_netlink_state *state,
			  bool (*wanted)(const void *context, __u32 ifindex), const void *context,
			  size_t *ret_count)
{
	int err = xfn_netlink_read(state);
	size_t i, count = 0;

	if (err)
		return err;
	for (i = 0; i < state->address_count; i++)
		if (wanted(context, state->addresses[i].ifindex))
			state->addresses[count++] = state->addresses[i];
	if (count)
		qsort(state->addresses, count, sizeof(*state->addresses), compare_addresses);
	*ret_count = count;
	return 0;
}

/* ---- plans ---------------------------------------------------------------------------------------------- */

/* A plan that is being made: places of one rank after those of the other, while there is room. */
struct draft {
	struct xfn_listen_plan *plan;
	__u32 trigger[XFN_SOCKETS_MAX]; /* which of those that are wanted it is for */
	const struct xfn_address *addresses;
	size_t address_count;
	bool pktinfo;
};

/* Something at all addresses of the host has those of one. */
static bool has_place(const struct xfn_listen_plan *plan, const struct xfn_listen_place *place)
{
	const struct xfn_listen_place *other;
	__u32 i;

	for (i = 0; i < plan->count; i++) {
		other = &plan->place[i];
		if (other->protocol == place->protocol && other->port == place->port &&
		    (other->dual || !memcmp(other, place, sizeof(*place))))
			return true;
	}
	return false;
}

static void put_place(struct draft *draft, const struct xfn_listen_place *place, bool own,
		      __u32 trigger)
{
	struct xfn_listen_plan *plan = draft->plan;

	if (has_place(plan, place))
		return;
	if (plan->count == XFN_SOCKETS_MAX) {
		plan->left_out++;
		return;
	}
	plan->own[plan->count] = own;
	draft->trigger[plan->count] = trigger;
	plan->place[plan->count++] = *place;
}

static bool is_everywhere(const struct draft *draft, const struct xfn_socket_wanted *wanted)
{
	return wanted->own && (wanted->protocol == IPPROTO_TCP || draft->pktinfo);
}

static struct xfn_listen_place place_of(const struct draft *draft,
					const struct xfn_socket_wanted *wanted)
{
	struct xfn_listen_place place;

	memset(&place, 0, sizeof(place)); /* compared whole */
	place.protocol = wanted->protocol;
	place.port = wanted->port;
	place.pktinfo = draft->pktinfo && wanted->protocol == IPPROTO_UDP;
	place.family = AF_INET6;
	place.dual = is_everywhere(draft, wanted);
	return place;
}

static void put_wanted(struct draft *draft, const struct xfn_socket_wanted *all, __u32 trigger)
{
	const struct xfn_socket_wanted *wanted = &all[trigger];
	struct xfn_listen_place place = place_of(draft, wanted);

	if (!wanted->own) {
		place.family = wanted->address.family;
		memcpy(place.address, wanted->address.addr, sizeof(place.address));
	}
	put_place(draft, &place, false, trigger);
}

static void put_at(struct draft *draft, const struct xfn_socket_wanted *all, __u32 trigger,
		   const struct xfn_address *address)
{
	struct xfn_listen_place place = place_of(draft, &all[trigger]);

	place.family = address->family;
	memcpy(place.address, address->address, sizeof(place.address));
	if (address->family == AF_INET6 && address->scope == RT_SCOPE_LINK)
		place.scope = address->ifindex;
	put_place(draft, &place, true, trigger);
}

/* Those at all addresses first, and that are named; then what depends on the interfaces. */
static void fill(struct draft *draft, const struct xfn_socket_wanted *wanted, __u32 count)
{
	size_t i;
	__u32 j;

	for (j = 0; j < count; j++)
		if (is_everywhere(draft, &wanted[j]))
			put_wanted(draft, wanted, j);
	for (j = 0; j < count; j++)
		if (!wanted[j].own)
			put_wanted(draft, wanted, j);
	for (i = 0; i < draft->address_count; i++)
		for (j = 0; j < count; j++)
			if (wanted[j].own && !is_everywhere(draft, &wanted[j]))
				put_at(draft, wanted, j, &draft->addresses[i]);
}

static void swap_with_next(struct draft *draft, __u32 i)
{
	struct xfn_listen_plan *plan = draft->plan;
	struct xfn_listen_place place = plan->place[i];
	__u32 trigger = draft->trigger[i];
	bool own = plan->own[i];

	plan->place[i] = plan->place[i + 1];
	plan->own[i] = plan->own[i + 1];
	draft->trigger[i] = draft->trigger[i + 1];
	plan->place[i + 1] = place;
	plan->own[i + 1] = own;
	draft->trigger[i + 1] = trigger;
}

/* As the triggers stand, which is what a program expects; ranks stay within one. */
static void sort_by_trigger(struct draft *draft)
{
	__u32 end, i;

	for (end = draft->plan->count; end > 1; end--)
		for (i = 0; i + 1 < end; i++)
			if (draft->trigger[i] > draft->trigger[i + 1])
				swap_with_next(draft, i);
}

static void plan_function(struct xfn_listen_plan *plan, const struct xfn_model_function *function,
			  const struct xfn_address *addresses, size_t address_count)
{
	struct xfn_socket_wanted wanted[XFN_SOCKETS_MAX];
	struct draft draft = {.plan = plan,
			      .addresses = addresses,
			      .address_count = address_count,
			      .pktinfo = function->spec->socket.pktinfo};
	__u32 count = xfn_sockets_wanted(function->set->manifest, function->spec, wanted);

	plan->identity = function->identity;
	fill(&draft, wanted, count < XFN_SOCKETS_MAX ? count : XFN_SOCKETS_MAX);
	sort_by_trigger(&draft);
}

static void say_left_out(struct xfn_engine *engine, const struct xfn_model_function *function,
			 const struct xfn_listen_plan *plan)
{
	const struct xfn_listen_plan *before = xfn_listen_plan_of(engine, plan->identity);
	char label[XFN_LABEL_BYTES];

	if (!plan->left_out || (before && before->left_out == plan->left_out))
		return;
	xfn_journal_add(
		engine->options.journal,
		&(struct xfn_journal_event){.type = "sockets",
					    .function = xfn_function_label(function->spec, label)},
		"%u of its ports and addresses have no socket: it gets %u, at most", plan->left_out,
		XFN_SOCKETS_MAX);
}

int xfn_listen_make_plans(struct xfn_engine *engine)
{
	const struct xfn_model *model = engine->model;
	struct xfn_listening *listening = engine->listening;
	struct xfn_listen_plan *plans = calloc(model->function_count + 1, sizeof(*plans));
	struct xfn_netlink_state state = {};
	size_t i, count = 0, address_count = 0;
	int err = plans ? read_addresses(&state, is_attached, engine, &address_count) : -ENOMEM;

	for (i = 0; i < model->function_count && !err; i++) {
		if (!xfn_is_listening(model->functions[i].spec))
			continue;
		plan_function(&plans[count], &model->functions[i], state.addresses, address_count);
		say_left_out(engine, &model->functions[i], &plans[count++]);
	}
	xfn_netlink_state_fini(&state);
	if (err) {
		free(plans);
		return err;
	}
	free(listening->plans);
	listening->plans = plans;
	listening->plan_count = count;
	return 0;
}

/* ---- all of them together -------------------------------------------------------------------------------- */

struct model_links {
	const struct xfn_model *model;
	const struct xfn_netlink_state *state;
};

static bool is_to_be_attached(const void *context, __u32 ifindex)
{
	const struct model_links *links = context;
	size_t i;

	for (i = 0; i < links->state->link_count; i++)
		if (links->state->links[i].ifindex == ifindex)
			return xfn_model_attachment(links->model, links->state->links[i].name);
	return false;
}

static size_t count_listening(const struct xfn_model *model)
{
	size_t i, count = 0;

	for (i = 0; i < model->function_count; i++)
		count += xfn_is_listening(model->functions[i].spec);
	return count;
}

/* With the addresses that there are now; where more come later, the journal says which sockets are not kept. */
static int check_total(const struct xfn_model *model, struct xfn_diag_list *diags)
{
	struct xfn_netlink_state state = {};
	const struct model_links links = {model, &state};
	struct xfn_listen_plan plan;
	__u32 total = 0;
	size_t i, address_count = 0;
	int err;

	if (count_listening(model) * XFN_SOCKETS_MAX <= XFN_KEEPER_STORED_MAX)
		return 0;
	err = read_addresses(&state, is_to_be_attached, &links, &address_count);
	for (i = 0; i < model->function_count && !err; i++) {
		if (!xfn_is_listening(model->functions[i].spec))
			continue;
		memset(&plan, 0, sizeof(plan));
		plan_function(&plan, &model->functions[i], state.addresses, address_count);
		total += plan.count;
		if (total <= XFN_KEEPER_STORED_MAX)
			continue;
		refuse(diags, &model->functions[i], NULL, "at most 1024 sockets of all functions",
		       "more sockets than the keeper keeps, with those");
		err = -EINVAL;
	}
	xfn_netlink_state_fini(&state);
	return err;
}
