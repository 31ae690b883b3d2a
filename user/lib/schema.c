/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "builder.h"
#include "schema.h"

#define SCALAR XFN_FORM_SCALAR
#define MAP    XFN_FORM_MAP
#define LIST   XFN_FORM_LIST

#define ROW(name_section, name) .section = XFN_SECTION_##name_section, .key = name
#define LATER(name_section, name, text)              \
	{                                            \
		ROW(name_section, name), .doc = text \
	}
#define FIELD(type, field) .offset = offsetof(type, field), .size = sizeof(((type *)0)->field)
#define IN_MANIFEST(field) FIELD(struct xfn_manifest, field)
#define IN_FUNCTION(field) FIELD(struct xfn_function_spec, field)
#define IN_TRIGGER(field)  FIELD(struct xfn_trigger_spec, field)
#define IN_KEY(field)      FIELD(struct xfn_key_spec, field)
#define IN_ATTACH(field)   FIELD(struct xfn_attach_spec, field)

#define NAME_FORM      "a name of 1 to 63 characters: a-z, 0-9 and, but for the first, -"
#define INTERFACE_FORM "the name of an interface, such as eth0"
#define PREFIX_FORM    "an address or prefix such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32"
#define SOCKET_FORM    "existing, a list such as [python3, a.py], or a mapping with exec or existing"
#define NETDEV_FORM    "the name of an interface, or a mapping with interface and mac"
#define XSK_FORM       "existing, a program such as ./a, a list such as [./a, -b], or a mapping"
#define EXEC_FORM      "a program such as ./a, or a list of it and up to 63 arguments"
#define KERNEL_FORM    "the path of an object, or a mapping with object and program"

/* The deliveries, which a function has itself or under `deliver`. */
#define DELIVERY_ROWS(name_section)                                                               \
	{ROW(name_section, "kernel"), .takes = SCALAR | MAP,                                      \
	 .child = XFN_SECTION_KERNEL, .read = xfn_read_text,                                      \
	 IN_FUNCTION(kernel.object),  .max = 4095,                                                \
	 .is_delivery = true,         .delivery = XFN_DELIVER_KERNEL,                             \
	 .form = KERNEL_FORM,         .doc = "a BPF handler inside the kernel"},                  \
		{ROW(name_section, "socket"),                                                     \
		 .takes = SCALAR | MAP | LIST,                                                    \
		 .items = SCALAR,                                                                 \
		 .child = XFN_SECTION_SOCKET,                                                     \
		 .read = xfn_read_socket,                                                         \
		 IN_FUNCTION(exec.argv),                                                          \
		 .max = XFN_TEXT_BYTES_MAX,                                                       \
		 .items_min = 1,                                                                  \
		 .items_max = XFN_ARGUMENTS_MAX,                                                  \
		 .is_delivery = true,                                                             \
		 .delivery = XFN_DELIVER_SOCKET,                                                  \
		 .form = SOCKET_FORM,                                                             \
		 .doc = "an ordinary UDP or TCP socket"},                                         \
		{ROW(name_section, "xsk"),                                                        \
		 .takes = SCALAR | MAP | LIST,                                                    \
		 .items = SCALAR,                                                                 \
		 .child = XFN_SECTION_XSK,                                                        \
		 .read = xfn_read_xsk,                                                            \
		 IN_FUNCTION(exec.argv),                                                          \
		 .max = XFN_TEXT_BYTES_MAX,                                                       \
		 .items_min = 1,                                                                  \
		 .items_max = XFN_ARGUMENTS_MAX,                                                  \
		 .is_delivery = true,                                                             \
		 .delivery = XFN_DELIVER_XSK,                                                     \
		 .form = XSK_FORM,                                                                \
		 .doc = "an AF_XDP socket of a program"},                                         \
	{                                                                                         \
		ROW(name_section, "netdev"), .takes = SCALAR | MAP, .child = XFN_SECTION_NETDEV,  \
					     .read = xfn_read_interface,                          \
					     IN_FUNCTION(netdev.interface), .is_delivery = true,  \
					     .delivery = XFN_DELIVER_NETDEV, .form = NETDEV_FORM, \
					     .doc = "an interface, such as a container's"         \
	}

/* clang-format off */

/* What a program is started with. */
#define PROGRAM_ROWS(name_section)                                                                \
	{ROW(name_section, "env"), .takes = MAP, .free_keys = true, .items = SCALAR,              \
	 .read = xfn_read_variable, IN_FUNCTION(exec.env), .max = XFN_TEXT_BYTES_MAX,             \
	 .items_max = XFN_VARIABLES_MAX,                                                          \
	 .form = "a mapping of names such as MODE to single values",                              \
	 .doc = "the program's environment"},                                                     \
	{ROW(name_section, "directory"), .takes = SCALAR, .read = xfn_read_text,                  \
	 IN_FUNCTION(exec.directory), .max = XFN_TEXT_BYTES_MAX, .fallback = "/",                 \
	 .form = "the path of a directory", .doc = "where it starts"},                            \
	{ROW(name_section, "user"), .takes = SCALAR, .read = xfn_read_user,                       \
	 IN_FUNCTION(exec.user), .max = 32, .form = "the name or number of a user",               \
	 .doc = "as whom it starts"},                                                             \
	{ROW(name_section, "memory"), .takes = SCALAR, .read = xfn_read_bytes,                    \
	 IN_FUNCTION(exec.memory), .min = XFN_MEMORY_MIN, .max = XFN_MEMORY_MAX,                  \
	 .given = XFN_GIVEN_MEMORY, .form = "a size from 4MiB on, such as 64MiB or 2GiB",         \
	 .doc = "what it may take of memory"},                                                    \
	{ROW(name_section, "processes"), .takes = SCALAR, .read = xfn_read_count,                 \
	 IN_FUNCTION(exec.processes), .min = 1, .max = XFN_PROCESSES_MAX,                         \
	 .given = XFN_GIVEN_PROCESSES, .fallback = "128",                                         \
	 .form = "a whole number from 1 to 4194304",                                              \
	 .doc = "processes and threads that it may be"},                                          \
	{ROW(name_section, "cpu"), .takes = SCALAR, .read = xfn_read_cpu_share,                   \
	 IN_FUNCTION(exec.cpu), .given = XFN_GIVEN_CPU,                                           \
	 .form = "a share of one CPU such as 50%, or 250% of several",                            \
	 .doc = "what it may take of the CPUs"}

static const struct xfn_schema_row rows[] = {
	{ROW(TOP, "version"), .takes = SCALAR, .read = xfn_read_version, .required = true,
	 .form = "1", .doc = "of this format"},
	{ROW(TOP, "set"), .takes = SCALAR, .read = xfn_read_name, IN_MANIFEST(set),
	 .fallback = "main", .form = NAME_FORM, .doc = "the set of functions that apply owns"},
	{ROW(TOP, "attach"), .takes = LIST, .items = SCALAR | MAP, .child = XFN_SECTION_ATTACH,
	 .read = xfn_read_attach, .items_max = XFN_ATTACH_MAX,
	 .form = "a list such as [eth0]", .doc = "interfaces to attach to"},
	{ROW(TOP, "capacity"), .takes = MAP, .child = XFN_SECTION_CAPACITY,
	 .form = "a mapping with triggers and functions", .doc = "room to reserve"},
	{ROW(TOP, "functions"), .takes = LIST, .items = MAP, .child = XFN_SECTION_FUNCTION,
	 .items_max = XFN_CAPACITY_FUNCTIONS_MAX, .required = true,
	 .form = "a list of functions, [] for none", .doc = "all functions of the set"},

	{ROW(ATTACH, "interface"), .takes = SCALAR, .read = xfn_read_interface, .required = true,
	 IN_ATTACH(interface), .form = INTERFACE_FORM, .doc = "its name"},
	{ROW(ATTACH, "mode"), .takes = SCALAR, .read = xfn_read_mode,
	 .fallback = "native", .form = "native or generic", .doc = "where the program runs"},
	{ROW(ATTACH, "coexist"), .takes = SCALAR, .read = xfn_read_bool, IN_ATTACH(coexist),
	 .fallback = "false", .form = "true or false",
	 .doc = "beside other XDP programs, through libxdp's dispatcher"},
	{ROW(ATTACH, "next"), .takes = SCALAR, .read = xfn_read_pin, IN_ATTACH(next),
	 .max = XFN_NEXT_BYTES_MAX,
	 .form = "the absolute path of a pinned XDP program, such as /sys/fs/bpf/other",
	 .doc = "the program that gets what is nobody's"},

	{ROW(CAPACITY, "triggers"), .takes = SCALAR, .read = xfn_read_count,
	 IN_MANIFEST(capacity.triggers), .min = 1, .max = XFN_CAPACITY_TRIGGERS_MAX,
	 .form = "a whole number from 1 to 4194304", .doc = "triggers of all sets"},
	{ROW(CAPACITY, "functions"), .takes = SCALAR, .read = xfn_read_count,
	 IN_MANIFEST(capacity.functions), .min = 1, .max = XFN_CAPACITY_FUNCTIONS_MAX,
	 .form = "a whole number from 1 to 65536", .doc = "functions of all sets"},

	{ROW(FUNCTION, "name"), .takes = SCALAR, .read = xfn_read_name, .required = true,
	 IN_FUNCTION(name), .form = NAME_FORM, .doc = "unique in its tenant"},
	{ROW(FUNCTION, "tenant"), .takes = SCALAR, .read = xfn_read_name, IN_FUNCTION(tenant),
	 .given = XFN_GIVEN_TENANT, .fallback = "default", .form = NAME_FORM,
	 .doc = "whose function it is"},
	{ROW(FUNCTION, "description"), .takes = SCALAR, .read = xfn_read_text,
	 IN_FUNCTION(description), .max = 255, .given = XFN_GIVEN_DESCRIPTION,
	 .form = "one line of text, at most 255 bytes", .doc = "for people"},
	{ROW(FUNCTION, "enabled"), .takes = SCALAR, .read = xfn_read_bool, IN_FUNCTION(enabled),
	 .given = XFN_GIVEN_ENABLED, .fallback = "true", .form = "true or false",
	 .doc = "false: its packets pass to the stack"},
	{ROW(FUNCTION, "disabled"), .takes = SCALAR, .read = xfn_read_disabled,
	 .given = XFN_GIVEN_DISABLED, .fallback = "pass", .form = "pass or drop",
	 .doc = "what becomes of its packets while it is not enabled"},
	{ROW(FUNCTION, "trigger"), .takes = SCALAR | MAP, .child = XFN_SECTION_TRIGGER,
	 .read = xfn_read_trigger,
	 .form = "a trigger such as udp/53, or a mapping with protocol and port",
	 .doc = "the one rule that binds packets to the function"},
	{ROW(FUNCTION, "triggers"), .takes = LIST, .items = SCALAR | MAP,
	 .child = XFN_SECTION_TRIGGER, .read = xfn_read_trigger,
	 .items_max = XFN_CAPACITY_TRIGGERS_MAX,
	 .form = "a list of triggers, [] for none", .doc = "several such rules"},
	{ROW(FUNCTION, "triggers_from"), .takes = SCALAR, .read = xfn_read_text,
	 IN_FUNCTION(triggers_from), .max = 4095, .form = "the path of a CSV file with triggers",
	 .doc = "more of them, a line each"},
	{ROW(FUNCTION, "deliver"), .takes = MAP, .child = XFN_SECTION_DELIVER,
	 .form = "a mapping with kernel, socket, xsk or netdev", .doc = "the delivery, in long form"},
	DELIVERY_ROWS(FUNCTION),
	{ROW(FUNCTION, "limit"), .takes = SCALAR | MAP, .child = XFN_SECTION_LIMIT,
	 .read = xfn_read_rate, IN_FUNCTION(limit.rate), .given = XFN_GIVEN_LIMIT,
	 .form = "a rate such as 200k/s, at most 100M/s, or 0, or a mapping with rate and burst",
	 .doc = "what it may take"},
	{ROW(FUNCTION, "latency"), .takes = MAP, .child = XFN_SECTION_LATENCY,
	 .form = "a mapping with sample and deadline", .doc = "how it is timed"},
	{ROW(FUNCTION, "objective"), .takes = MAP, .child = XFN_SECTION_OBJECTIVE,
	 .form = "a mapping with p99 and loss", .doc = "what is asked of it"},
	{ROW(FUNCTION, "scale"), .takes = MAP, .child = XFN_SECTION_SCALE,
	 .form = "a mapping with min", .doc = "how many instances"},
	LATER(FUNCTION, "probe", "how its health is tried"),

	DELIVERY_ROWS(DELIVER),

	{ROW(KERNEL, "object"), .takes = SCALAR, .read = xfn_read_text, .required = true,
	 IN_FUNCTION(kernel.object), .max = 4095,
	 .form = "the path of an object, such as a.bpf.o", .doc = "compiled handler"},
	{ROW(KERNEL, "program"), .takes = SCALAR, .read = xfn_read_identifier,
	 IN_FUNCTION(kernel.program), .max = 127, .given = XFN_GIVEN_PROGRAM,
	 .form = "the C name of a program in the object", .doc = "where there are several"},
	LATER(KERNEL, "maps", "maps shared between functions"),

	{ROW(SOCKET, "existing"), .takes = SCALAR, .read = xfn_read_existing,
	 .form = "true", .doc = "a program that runs by itself"},
	{ROW(SOCKET, "cpus"), .takes = LIST, .items = SCALAR, .read = xfn_read_cpu,
	 .items_min = 1, .items_max = XFN_SOCKET_CPUS_MAX, .max = XFN_CPU_MAX,
	 .form = "a list of 1 to 16 CPUs, such as [2, 3]",
	 .doc = "CPUs for its work in the stack"},
	{ROW(SOCKET, "exec"), .takes = SCALAR | LIST, .items = SCALAR, .read = xfn_read_argument,
	 IN_FUNCTION(exec.argv), .max = XFN_TEXT_BYTES_MAX, .items_min = 1,
	 .items_max = XFN_ARGUMENTS_MAX, .form = EXEC_FORM, .doc = "the program to start"},
	PROGRAM_ROWS(SOCKET),
	{ROW(SOCKET, "notify"), .takes = SCALAR, .read = xfn_read_bool, IN_FUNCTION(socket.notify),
	 .given = XFN_GIVEN_NOTIFY, .fallback = "false", .form = "true or false",
	 .doc = "it says when it is ready"},
	{ROW(SOCKET, "reply_from"), .takes = SCALAR, .read = xfn_read_reply_from,
	 .form = "pktinfo", .doc = "how it chooses the address of its replies"},

	{ROW(NETDEV, "interface"), .takes = SCALAR, .read = xfn_read_interface, .required = true,
	 IN_FUNCTION(netdev.interface), .form = INTERFACE_FORM, .doc = "where packets go out"},
	{ROW(NETDEV, "mac"), .takes = SCALAR, .read = xfn_read_mac,
	 IN_FUNCTION(netdev.mac), .given = XFN_GIVEN_MAC,
	 .form = "the Ethernet address of one host, such as 02:00:00:00:00:01",
	 .doc = "of whoever is behind it"},

	{ROW(XSK, "existing"), .takes = SCALAR, .read = xfn_read_existing,
	 .form = "true", .doc = "its program comes with 'xfn run'"},
	{ROW(XSK, "exec"), .takes = SCALAR | LIST, .items = SCALAR, .read = xfn_read_argument,
	 IN_FUNCTION(exec.argv), .max = XFN_TEXT_BYTES_MAX, .items_min = 1,
	 .items_max = XFN_ARGUMENTS_MAX, .form = EXEC_FORM, .doc = "the program to start"},
	PROGRAM_ROWS(XSK),
	{ROW(XSK, "oneway"), .takes = SCALAR, .read = xfn_read_bool, IN_FUNCTION(xsk.one_way),
	 .given = XFN_GIVEN_ONE_WAY, .fallback = "false", .form = "true or false",
	 .doc = "it answers nothing"},
	{ROW(XSK, "send"), .takes = SCALAR, .read = xfn_read_send, .form = "any",
	 .doc = "it may send to whom it has not heard"},
	{ROW(XSK, "park"), .takes = MAP, .child = XFN_SECTION_PARK,
	 .form = "a mapping with events and age", .doc = "events that wait for the program"},
	{ROW(XSK, "busy_poll"), .takes = SCALAR, .read = xfn_read_bool, IN_FUNCTION(xsk.busy_poll),
	 .given = XFN_GIVEN_BUSY_POLL, .fallback = "false", .form = "true or false",
	 .doc = "it looks for events without pause"},
	{ROW(XSK, "need_wakeup"), .takes = SCALAR, .read = xfn_read_bool,
	 IN_FUNCTION(xsk.need_wakeup), .given = XFN_GIVEN_NEED_WAKEUP, .fallback = "true",
	 .form = "true or false", .doc = "the kernel says when to wake it"},

	{ROW(PARK, "events"), .takes = SCALAR, .read = xfn_read_count, IN_FUNCTION(xsk.park_events),
	 .max = XFN_PARK_EVENTS_MAX, .given = XFN_GIVEN_PARK_EVENTS, .fallback = "1024",
	 .form = "a whole number from 0 to 65536", .doc = "that wait at most"},
	{ROW(PARK, "age"), .takes = SCALAR, .read = xfn_read_duration, IN_FUNCTION(xsk.park_age_ns),
	 .min = XFN_NS_PER_MS, .max = 600 * XFN_NS_PER_S, .given = XFN_GIVEN_PARK_AGE,
	 .fallback = "10s", .form = "a duration from 1ms to 10m, such as 500ms or 30s",
	 .doc = "older ones are not handed over"},

	{ROW(SCALE, "min"), .takes = SCALAR, .read = xfn_read_scale_min, .required = true,
	 .given = XFN_GIVEN_SCALE, .fallback = "1", .form = "0 or 1",
	 .doc = "instances that run without an event"},

	{ROW(TRIGGER, "protocol"), .takes = SCALAR, .read = xfn_read_protocol, .required = true,
	 .form = "udp or tcp", .doc = "of the packet"},
	{ROW(TRIGGER, "port"), .takes = SCALAR, .read = xfn_read_port, .required = true,
	 .form = "a port from 1 to 65535, or a range such as 9000-9009",
	 .doc = "destination port"},
	{ROW(TRIGGER, "destination"), .takes = SCALAR | LIST, .items = SCALAR,
	 .read = xfn_read_destination, .items_min = 1, .items_max = XFN_MANIFEST_PREFIXES_MAX,
	 .form = PREFIX_FORM ", a list of them, or any", .doc = "destination addresses"},
	{ROW(TRIGGER, "source"), .takes = SCALAR | LIST, .items = SCALAR,
	 .read = xfn_read_source, .items_min = 1, .items_max = XFN_MANIFEST_PREFIXES_MAX,
	 .fallback = "any", .form = PREFIX_FORM ", a list of them, or any",
	 .doc = "source addresses"},
	{ROW(TRIGGER, "vlan"), .takes = SCALAR | LIST, .items = SCALAR, .read = xfn_read_vlan,
	 .items_min = 2, .items_max = 2, .fallback = "none", .min = 1, .max = 4094,
	 .form = "a VLAN from 1 to 4094, [outer, inner], or none", .doc = "VLAN tags"},
	{ROW(TRIGGER, "interface"), .takes = SCALAR, .read = xfn_read_interface,
	 IN_TRIGGER(interface), .form = INTERFACE_FORM, .doc = "where it arrives"},
	{ROW(TRIGGER, "key"), .takes = MAP, .child = XFN_SECTION_KEY,
	 .form = "a mapping with coap_path, dns_name, dns_suffix or bytes",
	 .doc = "a key in the payload"},

	{ROW(KEY, "coap_path"), .takes = SCALAR, .read = xfn_read_coap_path,
	 .form = "a path such as /sensors/1", .doc = "of a CoAP request, all of it"},
	{ROW(KEY, "dns_name"), .takes = SCALAR, .read = xfn_read_dns_name,
	 .form = "a domain name such as x.example, or . for the root",
	 .doc = "that a DNS query asks for"},
	{ROW(KEY, "dns_suffix"), .takes = SCALAR, .read = xfn_read_dns_suffix,
	 .form = "a domain name of up to 8 labels such as example, or . for all",
	 .doc = "the same, or one below it"},
	{ROW(KEY, "bytes"), .takes = MAP, .child = XFN_SECTION_BYTES,
	 .form = "a mapping with offset, value and mask", .doc = "at a fixed place"},

	{ROW(BYTES, "offset"), .takes = SCALAR, .read = xfn_read_count, IN_KEY(offset),
	 .required = true, .max = XFN_KEY_OFFSET_MAX, .form = "a whole number from 0 to 9000",
	 .doc = "of the first byte in the payload"},
	{ROW(BYTES, "value"), .takes = SCALAR, .read = xfn_read_key_value, .required = true,
	 .form = "1 to 16 bytes in hex, such as 16fe", .doc = "what must stand there"},
	{ROW(BYTES, "mask"), .takes = SCALAR, .read = xfn_read_key_mask,
	 .fallback = "all bits of the value", .form = "as many bytes in hex as the value has",
	 .doc = "the bits that count"},

	{ROW(LIMIT, "rate"), .takes = SCALAR, .read = xfn_read_rate,
	 IN_FUNCTION(limit.rate),
	 .form = "a rate such as 500/s, 200k/s, 1M/s or 30/m, at most 100M/s, or 0",
	 .doc = "on average"},
	{ROW(LIMIT, "burst"), .takes = SCALAR, .read = xfn_read_count, IN_FUNCTION(limit.burst),
	 .min = 1, .max = XFN_RATE_MAX_PER_S, .given = XFN_GIVEN_BURST,
	 .fallback = "a tenth of a second of the rate, at least 1",
	 .form = "a whole number from 1 to 100M", .doc = "at once"},
	{ROW(LIMIT, "excess"), .takes = SCALAR, .read = xfn_read_excess,
	 .given = XFN_GIVEN_EXCESS, .fallback = "drop", .form = "drop, pass or reply",
	 .doc = "what happens to the rest"},
	{ROW(LIMIT, "packets"), .takes = SCALAR, .read = xfn_read_bool,
	 IN_FUNCTION(limit.packets), .given = XFN_GIVEN_PACKETS, .fallback = "false",
	 .form = "true or false", .doc = "count packets, not events"},
	{ROW(LIMIT, "per_source"), .takes = SCALAR | MAP, .child = XFN_SECTION_PER_SOURCE,
	 .read = xfn_read_source_rate, IN_FUNCTION(limit.per_source.rate),
	 .given = XFN_GIVEN_PER_SOURCE,
	 .form = "a rate such as 20/s, at most 100M/s, or a mapping with rate and burst",
	 .doc = "what each source may take"},
	{ROW(LIMIT, "concurrency"), .takes = SCALAR, .read = xfn_read_count,
	 IN_FUNCTION(limit.concurrency), .min = 1, .max = XFN_CONCURRENCY_MAX,
	 .given = XFN_GIVEN_CONCURRENCY, .form = "a whole number from 1 to 1M",
	 .doc = "events in flight"},

	{ROW(PER_SOURCE, "rate"), .takes = SCALAR, .read = xfn_read_source_rate, .required = true,
	 IN_FUNCTION(limit.per_source.rate),
	 .form = "a rate such as 20/s, 1k/s or 30/m, at most 100M/s", .doc = "on average"},
	{ROW(PER_SOURCE, "burst"), .takes = SCALAR, .read = xfn_read_count,
	 IN_FUNCTION(limit.per_source.burst), .min = 1, .max = XFN_RATE_MAX_PER_S,
	 .given = XFN_GIVEN_SOURCE_BURST,
	 .fallback = "a tenth of a second of the rate, at least 1",
	 .form = "a whole number from 1 to 100M", .doc = "at once"},
	{ROW(PER_SOURCE, "prefix4"), .takes = SCALAR, .read = xfn_read_count,
	 IN_FUNCTION(limit.per_source.prefix4), .min = 1, .max = 32, .given = XFN_GIVEN_PREFIX4,
	 .fallback = "32", .form = "a number of bits from 1 to 32",
	 .doc = "bits of an IPv4 address that make a source"},
	{ROW(PER_SOURCE, "prefix6"), .takes = SCALAR, .read = xfn_read_count,
	 IN_FUNCTION(limit.per_source.prefix6), .min = 1, .max = 128,
	 .given = XFN_GIVEN_PREFIX6, .fallback = "64", .form = "a number of bits from 1 to 128",
	 .doc = "bits of an IPv6 address that make a source"},
	{ROW(PER_SOURCE, "entries"), .takes = SCALAR, .read = xfn_read_entries,
	 IN_FUNCTION(limit.per_source.entries), .min = XFN_SOURCE_ENTRIES_MIN,
	 .max = XFN_SOURCE_ENTRIES_MAX, .given = XFN_GIVEN_ENTRIES, .fallback = "65536",
	 .form = "a power of two from 1024 to 4194304", .doc = "cells that sources share"},

	{ROW(LATENCY, "sample"), .takes = SCALAR, .read = xfn_read_count,
	 IN_FUNCTION(latency.sample), .min = 1, .max = 1000000, .given = XFN_GIVEN_SAMPLE,
	 .fallback = "16", .form = "a whole number from 1 to 1M",
	 .doc = "time one event in so many"},
	{ROW(LATENCY, "deadline"), .takes = SCALAR, .read = xfn_read_duration,
	 IN_FUNCTION(latency.deadline_ns), .min = XFN_NS_PER_US, .max = 60 * XFN_NS_PER_S,
	 .given = XFN_GIVEN_DEADLINE, .fallback = "1s",
	 .form = "a duration from 1us to 1m, such as 500us or 30s",
	 .doc = "after which an event counts as unanswered"},

	{ROW(OBJECTIVE, "p99"), .takes = SCALAR, .read = xfn_read_duration,
	 IN_FUNCTION(objective.p99_ns), .min = 1, .max = 60 * XFN_NS_PER_S,
	 .given = XFN_GIVEN_P99, .form = "a duration from 1ns to 1m, such as 500us or 1ms",
	 .doc = "99 of 100 events are quicker"},
	{ROW(OBJECTIVE, "loss"), .takes = SCALAR, .read = xfn_read_percent,
	 IN_FUNCTION(objective.loss_ppm), .given = XFN_GIVEN_LOSS,
	 .form = "a percentage from 0% to 100%, such as 0.1%", .doc = "events lost at most"},
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void *manifest_target(struct xfn_builder *builder)
{
	return builder->manifest;
}

static void *function_target(struct xfn_builder *builder)
{
	return xfn_builder_function(builder);
}

static void *trigger_target(struct xfn_builder *builder)
{
	return xfn_builder_trigger(builder);
}

static void *key_target(struct xfn_builder *builder)
{
	return xfn_builder_key(builder);
}

static void *attach_target(struct xfn_builder *builder)
{
	return xfn_builder_attach(builder);
}

/* clang-format off */
static const struct xfn_section_info sections[XFN_SECTIONS] = {
	[XFN_SECTION_TOP] = {.where = "the manifest", .target = manifest_target,
			     .close = xfn_top_close},
	[XFN_SECTION_ATTACH] = {.where = "'attach'", .target = attach_target,
				.open = xfn_attach_open},
	[XFN_SECTION_CAPACITY] = {.where = "'capacity'", .target = manifest_target},
	[XFN_SECTION_FUNCTION] = {.where = "a function", .target = function_target,
				  .of_function = true, .open = xfn_function_open,
				  .close = xfn_function_close},
	[XFN_SECTION_DELIVER] = {.where = "'deliver'", .target = function_target,
				 .of_function = true, .close = xfn_deliver_close},
	[XFN_SECTION_KERNEL] = {.where = "'kernel'", .target = function_target,
				.of_function = true},
	[XFN_SECTION_SOCKET] = {.where = "'socket'", .target = function_target,
				.of_function = true, .close = xfn_socket_close},
	[XFN_SECTION_NETDEV] = {.where = "'netdev'", .target = function_target,
				.of_function = true},
	[XFN_SECTION_XSK] = {.where = "'xsk'", .target = function_target, .of_function = true,
			     .close = xfn_xsk_close},
	[XFN_SECTION_PARK] = {.where = "'park'", .target = function_target, .of_function = true},
	[XFN_SECTION_SCALE] = {.where = "'scale'", .target = function_target,
			       .of_function = true},
	[XFN_SECTION_TRIGGER] = {.where = "a trigger", .target = trigger_target,
				 .open = xfn_trigger_open, .close = xfn_trigger_close},
	[XFN_SECTION_KEY] = {.where = "'key'", .target = key_target, .open = xfn_key_open,
			     .close = xfn_key_close},
	[XFN_SECTION_BYTES] = {.where = "'bytes'", .target = key_target,
			       .close = xfn_key_bytes_close},
	[XFN_SECTION_LIMIT] = {.where = "'limit'", .target = function_target,
			       .of_function = true, .close = xfn_limit_close},
	[XFN_SECTION_PER_SOURCE] = {.where = "'per_source'", .target = function_target,
				    .of_function = true, .close = xfn_per_source_close},
	[XFN_SECTION_LATENCY] = {.where = "'latency'", .target = function_target,
				 .of_function = true},
	[XFN_SECTION_OBJECTIVE] = {.where = "'objective'", .target = function_target,
				   .of_function = true},
};
/* clang-format on */

const struct xfn_schema_row *xfn_schema_rows(size_t *ret_count)
{
	*ret_count = ROWS;
	return rows;
}

const struct xfn_section_info *xfn_schema_section(enum xfn_section section)
{
	return &sections[section];
}

const struct xfn_schema_row *xfn_schema_section_rows(enum xfn_section section, size_t *ret_count)
{
	size_t first = 0, count = 0;

	while (rows[first].section != section)
		first++;
	while (first + count < ROWS && rows[first + count].section == section)
		count++;
	*ret_count = count;
	return &rows[first];
}

const struct xfn_schema_row *xfn_schema_row(enum xfn_section section, const char *key, size_t len)
{
	size_t count;
	const struct xfn_schema_row *row = xfn_schema_section_rows(section, &count);

	for (; count; count--, row++)
		if (row->takes && strlen(row->key) == len && !memcmp(row->key, key, len))
			return row;
	return NULL;
}
