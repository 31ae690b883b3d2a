/* SPDX-License-Identifier: BSD-2-Clause */
/* Every way to get a manifest wrong, with the place and the words that it must be answered with. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "alloc.h"
#include "manifest.h"

/* A function that lacks nothing; what follows begins in line 6, column 3. */
#define FUNCTION "version: 1\nfunctions:\n- name: a\n  trigger: udp/1\n  kernel: a.o\n  "
/* The same up to its trigger, line 4, whose value begins in column 12. */
#define TRIGGER "version: 1\nfunctions:\n- name: a\n  trigger: "
#define AFTER   "\n  kernel: a.o\n"
/* The same up to the value of its trigger's key, line 4, column 42. */
#define KEY       TRIGGER "{protocol: udp, port: 1, key: "
#define KEY_AFTER "}" AFTER
/* Up to its delivery, line 5, whose key begins in column 3. */
#define DELIVERY "version: 1\nfunctions:\n- name: a\n  trigger: udp/1\n  "
/* Up to the value of that, column 8. */
#define XSK DELIVERY "xsk: "
/* The top; what follows begins in line 3, column 1. */
#define TOP "version: 1\nfunctions: []\n"

/* One mistake: exactly one diagnostic. */
static const struct refusal {
	const char *text;
	unsigned line, column;
	const char *message;
	const char *hint; /* NULL: none */
} refusals[] = {
	/* The top */
	{"", 1, 1, "the text holds no manifest", NULL},
	{"# nothing\n", 1, 1, "the text holds no manifest", NULL},
	{"- a\n", 1, 1, "the text holds no manifest", NULL},
	{"a\n", 1, 1, "the text holds no manifest", NULL},
	{"functions: []\n", 1, 1, "'version' is missing in the manifest", NULL},
	{"version: 1\n", 1, 1, "'functions' is missing in the manifest", NULL},
	{"version: 2\nfunctions: []\n", 1, 10, "version '2' is not known here", NULL},
	{"version: 1.0\nfunctions: []\n", 1, 10, "version '1.0' is not known here", NULL},
	{"version:\nfunctions: []\n", 1, 1, "the key 'version' has no value", NULL},
	{"version: 1\nfunctions: 3\n", 2, 12, "'functions' cannot be a single value", NULL},
	{"version: 1\nfunctions: {a: b}\n", 2, 12, "'functions' cannot be a mapping", NULL},
	{"version: 1\nfunctions:\n", 2, 1, "the key 'functions' has no value", NULL},
	{"version: 1\nfunctions: [a]\n", 2, 13, "an item of 'functions' cannot be a single value",
	 NULL},
	{TOP "sett: a\n", 3, 1, "unknown key 'sett' in the manifest", "did you mean 'set'?"},
	{TOP "limit: 3/s\n", 3, 1, "unknown key 'limit' in the manifest",
	 "'limit' belongs in a function"},
	{TOP "set: a\nset: a\n", 4, 1, "'set' is given twice in the manifest",
	 "the first is in line 3"},
	{TOP "set: A\n", 3, 6, "set 'A' has characters that a name cannot have", NULL},
	{TOP "set: \"\"\n", 3, 7, "set '' is empty", NULL},
	{TOP "set: [a]\n", 3, 6, "'set' cannot be a list", NULL},
	{TOP "capacity: 3\n", 3, 11, "'capacity' cannot be a single value", NULL},
	{TOP "capacity: {triggers: 0}\n", 3, 22, "triggers '0' is too small", NULL},
	{TOP "capacity: {triggers: 5M}\n", 3, 22, "triggers '5M' is too large", NULL},
	{TOP "capacity: {functions: 65537}\n", 3, 23, "functions '65537' is too large", NULL},
	{TOP "capacity: {function: 1}\n", 3, 12, "unknown key 'function' in 'capacity'",
	 "did you mean 'functions'?"},

	/* attach */
	{TOP "attach: eth0\n", 3, 9, "'attach' cannot be a single value", NULL},
	{TOP "attach: [eth0, eth1, eth0]\n", 3, 22, "interface 'eth0' is there twice",
	 "the first is in line 3"},
	{TOP "attach: [{interface: e, next: other}]\n", 3, 31, "next 'other' is not absolute",
	 NULL},
	{TOP "attach: [{interface: e, coexist: perhaps}]\n", 3, 34,
	 "coexist 'perhaps' is not known", NULL},
	{TOP "attach: [{mode: native}]\n", 3, 10, "'interface' is missing in 'attach'", NULL},
	{TOP "attach: [{interface: e, mode: skb}]\n", 3, 31, "mode 'skb' is not known", NULL},
	{TOP "attach: [{interface: e, mode: genric}]\n", 3, 31, "mode 'genric' is not known",
	 "did you mean 'generic'?"},
	{TOP "attach: [abcdefghijklmnop]\n", 3, 10, "is too long for an interface", NULL},
	{TOP "attach: [a/b]\n", 3, 10, "is not a name that an interface can have", NULL},
	{TOP "attach: ['..']\n", 3, 11, "is not a name that an interface can have", NULL},

	/* What YAML can do and a manifest may not */
	{"version: &v 1\nfunctions: []\n", 1, 10, "anchors are not supported", NULL},
	{TOP "set: *v\n", 3, 6, "aliases are not supported", NULL},
	{"version: !!int 1\nfunctions: []\n", 1, 10, "tags are not supported", NULL},
	{TOP "<<: {set: a}\n", 3, 1, "merge keys are not supported", NULL},
	{TOP "? [a]\n: b\n", 3, 3, "a key must be a word", NULL},
	{TOP "---\nversion: 1\n", 3, 1, "a second document begins here", NULL},
	{TOP "\tset: a\n", 3, 1, "not valid YAML: ", NULL},
	{"version: 1\nfunctions: [{name: \"a\n", 2, 21, "not valid YAML: ", NULL},
	{"version: 1\nset: \x01\n", 2, 6, "control character in the text (byte 0x01)", NULL},
	{"version: 1\nset: \xff\xfe\n", 2, 6, "the text is not UTF-8 (byte 0xff)", NULL},
	{"version: 1\nset: \xc2\x9b\n", 2, 6, "control character in the text", NULL},
	{"\xff\xfev\x01", 1, 1, "the text is not UTF-8 (byte 0xff)", NULL},
	{TOP "set: ''''''''''''''''''''''''\n", 3, 7, "too many quotes in a single-quoted text",
	 NULL},

	/* Functions */
	{"version: 1\nfunctions:\n- trigger: udp/1\n  kernel: a.o\n", 3, 3,
	 "'name' is missing in a function", NULL},
	{"version: 1\nfunctions:\n- name: -a\n  trigger: udp/1\n  kernel: a.o\n", 3, 9,
	 "name '-a' begins with a dash", NULL},
	{"version: 1\nfunctions:\n- name: a_b\n  trigger: udp/1\n  kernel: a.o\n", 3, 9,
	 "name 'a_b' has characters that a name cannot have", NULL},
	{"version: 1\nfunctions:\n"
	 "- name: a123456789b123456789c123456789d123456789e123456789f123456789g123\n"
	 "  trigger: udp/1\n  kernel: a.o\n",
	 3, 9, "is too long", NULL},
	{FUNCTION "name: b\n", 6, 3, "'name' is given twice in a function",
	 "the first is in line 3"},
	{FUNCTION "tennant: b\n", 6, 3, "unknown key 'tennant' in a function",
	 "did you mean 'tenant'?"},
	{FUNCTION "burst: 3\n", 6, 3, "unknown key 'burst' in a function",
	 "'burst' belongs in 'limit'"},
	{FUNCTION "enabled: yes\n", 6, 12, "enabled 'yes' is not known", NULL},
	{FUNCTION "enabled: ture\n", 6, 12, "enabled 'ture' is not known", "did you mean 'true'?"},
	{FUNCTION "description: \"a\\tb\"\n", 6, 17, "has control characters", NULL},
	{FUNCTION "description: [a]\n", 6, 16, "'description' cannot be a list", NULL},
	{"version: 1\nfunctions:\n- {name: a, trigger: udp/1, kernel: a.o}\n"
	 "- {name: b, trigger: udp/1, kernel: a.o}\n- {name: a, trigger: udp/2, kernel: a.o}\n",
	 5, 3, "function 'a' is there twice", "the first is in line 3"},

	/* Deliveries */
	{"version: 1\nfunctions:\n- name: a\n  trigger: udp/1\n", 3, 3,
	 "a function without a delivery", NULL},
	{DELIVERY "deliver: {}\n", 5, 12, "a function without a delivery", NULL},
	{DELIVERY "deliver: kernel\n", 5, 12, "'deliver' cannot be a single value", NULL},
	{FUNCTION "socket: existing\n", 6, 3, "'socket' is a second delivery",
	 "the first is 'kernel' in line 5"},
	{FUNCTION "deliver: {socket: existing}\n", 6, 13, "'socket' is a second delivery",
	 "the first is 'kernel' in line 5"},
	{DELIVERY "kernel: {program: p}\n", 5, 11, "'object' is missing in 'kernel'", NULL},
	{DELIVERY "kernel: {object: a.o, program: 1p}\n", 5, 34, "program '1p' is not a C name",
	 NULL},
	{DELIVERY "kernel: [a.o]\n", 5, 11, "'kernel' cannot be a list", NULL},
	{DELIVERY "kernal: a.o\n", 5, 3, "unknown key 'kernal' in a function",
	 "did you mean 'kernel'?"},
	{DELIVERY "socket: existng\n", 5, 11, "socket 'existng' is not known",
	 "did you mean 'existing'?"},
	{DELIVERY "socket: {}\n", 5, 11, "'socket' is an empty mapping", NULL},
	{DELIVERY "socket: {existing: false}\n", 5, 22, "existing 'false' is not known", NULL},
	{DELIVERY "socket: {cpus: [1]}\n", 5, 11, "'socket' does not say whose socket it is", NULL},
	{DELIVERY "socket: {existing: true, cpus: 1}\n", 5, 34, "'cpus' cannot be a single value",
	 NULL},
	{DELIVERY "socket: {existing: true, cpus: []}\n", 5, 34, "'cpus' has an empty list", NULL},
	{DELIVERY "socket: {existing: true, cpus: [0, x]}\n", 5, 38, "cpus 'x'", NULL},
	{DELIVERY "socket: {existing: true, cpus: [8192]}\n", 5, 35, "cpus '8192'", NULL},
	{DELIVERY "socket: {existing: true, cpus: [3, 1, 3]}\n", 5, 41, "CPU 3 is there twice",
	 NULL},
	{DELIVERY "socket:\n    existing: true\n"
		  "    cpus: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]\n",
	 7, 11, "'cpus' has more than 16 items", NULL},
	{DELIVERY "netdev: a_name_that_is_too_long\n", 5, 11, "is too long for an interface", NULL},
	{DELIVERY "netdev: {}\n", 5, 11, "'interface' is missing in 'netdev'", NULL},
	{DELIVERY "netdev: {mac: \"02:00:00:00:00:01\"}\n", 5, 11,
	 "'interface' is missing in 'netdev'", NULL},
	{DELIVERY "netdev: {interface: v, mac: \"02:00:00:00:00\"}\n", 5, 32,
	 "mac '02:00:00:00:00' is not an Ethernet address", NULL},
	{DELIVERY "netdev: {interface: v, mac: \"02:00:00:00:00:0g\"}\n", 5, 32,
	 "is not an Ethernet address", NULL},
	{DELIVERY "netdev: {interface: v, mac: \"02-00-00-00-00-01\"}\n", 5, 32,
	 "is not an Ethernet address", NULL},
	{DELIVERY "netdev: {interface: v, mac: \"01:00:5e:00:00:01\"}\n", 5, 32,
	 "is a group address", NULL},
	{DELIVERY "netdev: {interface: v, mac: \"00:00:00:00:00:00\"}\n", 5, 32,
	 "is nobody's address", NULL},
	{FUNCTION "netdev: veth0\n", 6, 3, "'netdev' is a second delivery",
	 "the first is 'kernel' in line 5"},

	/* Not yet supported, by name */
	{XSK "{exec: ./a, park: {events: 65537}}\n", 5, 35, "events '65537' is too large", NULL},
	{XSK "{exec: ./a, park: {age: 11m}}\n", 5, 32, "age '11m' is too long", NULL},
	{XSK "{exec: ./a, park: 5}\n", 5, 26, "'park' cannot be a single value", NULL},
	{XSK "{exec: ./a, busy_poll: 1}\n", 5, 31, "busy_poll '1' is not known", NULL},
	{XSK "{exec: ./a, need_wakeup: no}\n", 5, 33, "need_wakeup 'no' is not known", NULL},
	{XSK "{exec: ./a, memory: 3MiB}\n", 5, 28, "memory '3MiB' is too small", NULL},
	{XSK "{exec: ./a, memory: 1025TiB}\n", 5, 28, "memory '1025TiB' is too large", NULL},
	{XSK "{exec: ./a, memory: 64M}\n", 5, 28, "memory '64M' has an unknown unit",
	 "did you mean '64MiB'?"},
	{XSK "{exec: ./a, processes: 0}\n", 5, 31, "processes '0' is too small", NULL},
	{XSK "{exec: ./a, cpu: 0%}\n", 5, 25, "cpu '0%' is too small", NULL},
	{XSK "{existing: true, cpu: 50%}\n", 5, 25, "'cpu' of a program that runs by itself", NULL},
	{DELIVERY "socket: {existing: true, memory: 64MiB}\n", 5, 28,
	 "'memory' of a program that runs by itself", NULL},
	{DELIVERY "kernel: {object: a.o, maps: [m]}\n", 5, 25, "'maps' is not yet supported", NULL},
	{XSK "./a\n  scale: {min: 2}\n", 6, 16, "min '2' is not known", NULL},
	{XSK "{exec: ./a, park: {events: 0}}\n  scale: {min: 0}\n", 6, 3,
	 "'min: 0' of a function whose events do not wait", NULL},
	{XSK "./a\n  scale: {}\n", 6, 10, "'min' is missing in 'scale'", NULL},
	{XSK "./a\n  scale: 1\n", 6, 10, "'scale' cannot be a single value", NULL},
	{XSK "./a\n  scale: {max: 3}\n", 6, 11, "unknown key 'max' in 'scale'", NULL},
	{FUNCTION "scale: {min: 1}\n", 6, 3,
	 "'scale' of a function whose program xfn does not start", NULL},
	{FUNCTION "probe: {send: a}\n", 6, 3, "'probe' is not yet supported", NULL},
	{"version: 1\nfunctions:\n- name: a\n  triggers_from: [a.csv]\n  kernel: a.o\n", 4, 18,
	 "'triggers_from' cannot be a list", NULL},
	{FUNCTION "limit: {rate: 1/s, concurrency: 3}\n", 6, 22,
	 "'concurrency' of a function whose answers are not seen", NULL},
	/* Whatever stands first. */
	{"version: 1\nfunctions:\n- name: a\n  limit: {concurrency: 3}\n  trigger: udp/1\n"
	 "  socket: existing\n",
	 4, 11, "'concurrency' of a function whose answers are not seen", NULL},
	{XSK "{exec: ./a, oneway: true}\n  limit: {concurrency: 3}\n", 6, 11,
	 "'concurrency' of a function that answers nothing", NULL},
	{XSK "./a\n  limit: {concurrency: 0}\n", 6, 24, "concurrency '0' is too small", NULL},
	{XSK "./a\n  limit: {concurrency: 1000001}\n", 6, 24, "concurrency '1000001' is too large",
	 NULL},
	{XSK "./a\n  limit: {concurrency: 2, burst: 3}\n", 6, 27, "'burst' without 'rate'",
	 "a source's burst belongs in 'per_source'"},
	{XSK "./a\n  limit: {excess: pass}\n", 6, 10, "'rate' is missing in 'limit'", NULL},

	/* Programs */
	{XSK "\n", 5, 3, "the key 'xsk' has no value", NULL},
	{XSK "[]\n", 5, 8, "'xsk' has an empty list", NULL},
	{XSK "\"\"\n", 5, 9, "program '' is empty", NULL},
	{XSK "[\"\", a]\n", 5, 10, "program '' is empty", NULL},
	{XSK "[a, \"b\\n\"]\n", 5, 13, "argument 'b", NULL},
	{XSK "[a, [b]]\n", 5, 12, "an item of 'xsk' cannot be a list", NULL},
	{XSK "{env: {A: b}}\n", 5, 8, "'xsk' does not say what its program is", NULL},
	{XSK "{}\n", 5, 8, "'xsk' is an empty mapping", NULL},
	{XSK "{oneway: true}\n", 5, 8, "'xsk' does not say what its program is", NULL},
	{XSK "{existing: false}\n", 5, 19, "existing 'false' is not known", NULL},
	{XSK "{existing: true, exec: a}\n", 5, 25, "'exec' of a program that runs by itself", NULL},
	{XSK "{existing: true, env: {A: b}}\n", 5, 25, "'env' of a program that runs by itself",
	 NULL},
	{XSK "existing\n  scale: {min: 0}\n", 6, 3,
	 "'scale' of a function whose program xfn does not start", NULL},
	{XSK "{exec: {a: b}}\n", 5, 15, "'exec' cannot be a mapping", NULL},
	{XSK "{exec: a, directry: /}\n", 5, 18, "unknown key 'directry' in 'xsk'",
	 "did you mean 'directory'?"},
	{XSK "{exec: a, env: [A=b]}\n", 5, 23, "'env' cannot be a list", NULL},
	{XSK "{exec: a, env: {1A: b}}\n", 5, 24, "'1A' is not the name of a variable", NULL},
	{XSK "{exec: a, env: {A-B: b}}\n", 5, 24, "'A-B' is not the name of a variable", NULL},
	{XSK "{exec: a, env: {\"\": b}}\n", 5, 25, "'' is not the name of a variable", NULL},
	{XSK "{exec: a, env: {XFN_FD: b}}\n", 5, 24,
	 "variable 'XFN_FD': those that begin with XFN_ are xfn's own", NULL},
	{XSK "{exec: a, env: {A: b, B: c, A: d}}\n", 5, 36, "'A' is given twice in 'env'",
	 "the first is in line 5"},
	{XSK "{exec: a, env: {A: [b]}}\n", 5, 27, "an item of 'env' cannot be a list", NULL},
	{XSK "{exec: a, env: {A: }}\n", 5, 24, "an item of 'env' has no value", NULL},
	{XSK "{exec: a, env: {A: \"\\e\"}}\n", 5, 28,
	 "the value of variable 'A' has control characters", NULL},
	{XSK "{exec: a, env: {? [A] : b}}\n", 5, 26, "a key must be a word", NULL},
	{XSK "{exec: a, env: {\"A\\0B\": b}}\n", 5, 25, "a key in 'env' has control characters",
	 NULL},
	{XSK "{exec: a, env: {<<: b}}\n", 5, 24, "'<<' is not the name of a variable", NULL},
	{XSK "{exec: a, user: a b}\n", 5, 24, "user 'a b' is not one that can be", NULL},
	{XSK "{exec: a, user: 4294967295}\n", 5, 24, "user '4294967295' is not one that can be",
	 NULL},
	{XSK "{exec: a, user: \"\"}\n", 5, 25, "user '' is not one that can be", NULL},
	{XSK "{exec: a, send: all}\n", 5, 24, "send 'all' is not known", NULL},
	{XSK "{exec: a, oneway: 1}\n", 5, 26, "oneway '1' is not known", NULL},
	{XSK "a\n  kernel: a.o\n", 6, 3, "'kernel' is a second delivery of the same function",
	 "the first is 'xsk' in line 5"},

	/* Programs that are given their sockets */
	{DELIVERY "socket: {existing: true, env: {}}\n", 5, 28,
	 "'env' of a program that runs by itself", NULL},
	{DELIVERY "socket: {exec: a, existing: true}\n", 5, 12,
	 "'exec' of a program that runs by itself", NULL},
	{DELIVERY "socket: {reply_from: pktinfo}\n", 5, 11,
	 "'socket' does not say whose socket it is", NULL},
	{DELIVERY "socket: {exec: a, reply_from: any}\n", 5, 33, "reply_from 'any' is not known",
	 NULL},
	{DELIVERY "socket: {exec: a, notify: 1}\n", 5, 29, "notify '1' is not known", NULL},
	{DELIVERY "socket: [\"\", a]\n", 5, 13, "program '' is empty", NULL},
	{DELIVERY "socket: ./a\n", 5, 11, "socket './a' is not known", NULL},
	{DELIVERY "socket: [a]\n  limit: {concurrency: 3}\n", 6, 11,
	 "'concurrency' of a function whose answers are not seen", NULL},
	{DELIVERY "socket: existing\n  scale: {min: 0}\n", 6, 3,
	 "'scale' of a function whose program xfn does not start", NULL},
	{TRIGGER "udp/1-17\n  socket: [a]\n", 4, 12,
	 "a range of more than 16 ports of a program that is given its sockets", NULL},
	{TRIGGER "{protocol: udp, port: 1, destination: any}\n  socket: [a]\n", 4, 12,
	 "'destination: any' of a program that is given its sockets", NULL},
	{TRIGGER "{protocol: udp, port: 1, destination: [10.0.0.1, 10.0.0.0/31]}\n  socket: [a]\n",
	 4, 12, "a destination that is more than one address", NULL},
	{TRIGGER "{protocol: udp, port: 1-9, destination: [10.0.0.1, \"::1\"]}\n  socket: [a]\n", 3,
	 3, "a program that is given 18 sockets", NULL},

	/* Triggers */
	{"version: 1\nfunctions:\n- name: a\n  kernel: a.o\n", 3, 3, "a function without a trigger",
	 "'triggers: []' says that there are none yet"},
	{FUNCTION "triggers: [udp/2]\n", 6, 3, "a function with both 'trigger' and 'triggers'",
	 NULL},
	{TRIGGER "udp" AFTER, 4, 12, "trigger 'udp' has no slash", NULL},
	{TRIGGER "[udp/1]" AFTER, 4, 12, "'trigger' cannot be a list", NULL},
	{TRIGGER "upd/53" AFTER, 4, 12, "protocol 'upd' is not known", "did you mean 'udp'?"},
	{TRIGGER "UDP/53" AFTER, 4, 12, "protocol 'UDP' is not known", NULL},
	{TRIGGER "udp/dns" AFTER, 4, 16, "port 'dns' is not a port", NULL},
	{TRIGGER "udp/0" AFTER, 4, 16, "port '0' is not a port that can be used", NULL},
	{TRIGGER "udp/9-5" AFTER, 4, 16, "port '9-5' is reversed", "did you mean '5-9'?"},
	{TRIGGER "{port: 1}" AFTER, 4, 12, "'protocol' is missing in a trigger", NULL},
	{TRIGGER "{protocol: udp}" AFTER, 4, 12, "'port' is missing in a trigger", NULL},
	{TRIGGER "{protocol: sctp, port: 1}" AFTER, 4, 23, "protocol 'sctp' is not known",
	 "did you mean 'tcp'?"},
	{TRIGGER "{protocol: udp, port: 70000}" AFTER, 4, 34, "port '70000' is too large", NULL},
	{TRIGGER "{protocol: udp, port: 9009-9000}" AFTER, 4, 34, "port '9009-9000' is reversed",
	 "did you mean '9000-9009'?"},
	{TRIGGER "{protocol: udp, port: [1, 2]}" AFTER, 4, 34, "'port' cannot be a list", NULL},
	{TRIGGER "{protocol: udp, port: 1, destination: 10.0.0.1/8}" AFTER, 4, 50,
	 "destination '10.0.0.1/8' has host bits set", "did you mean '10.0.0.0/8'?"},
	{TRIGGER "{protocol: udp, port: 1, source: [::1, 2001:db8::1/32]}" AFTER, 4, 51,
	 "source '2001:db8::1/32' has host bits set", "did you mean '2001:db8::/32'?"},
	{TRIGGER "{protocol: udp, port: 1, source: here}" AFTER, 4, 45,
	 "source 'here' is not an address", NULL},
	{TRIGGER "{protocol: udp, port: 1, destination: []}" AFTER, 4, 50,
	 "'destination' has an empty list", NULL},
	{TRIGGER "{protocol: udp, port: 1, destination: [any, ::1]}" AFTER, 4, 51,
	 "'any' cannot be one of several", NULL},
	{TRIGGER "{protocol: udp, port: 1, destination: 10.0.0.1, source: ::1}" AFTER, 4, 60,
	 "destination and source have no family in common", NULL},
	{TRIGGER "{protocol: udp, port: 1, vlan: 0}" AFTER, 4, 43, "vlan '0' is too small", NULL},
	{TRIGGER "{protocol: udp, port: 1, vlan: 4095}" AFTER, 4, 43, "vlan '4095' is too large",
	 NULL},
	{TRIGGER "{protocol: udp, port: 1, vlan: [1]}" AFTER, 4, 43, "'vlan' has too few items",
	 NULL},
	{TRIGGER "{protocol: udp, port: 1, vlan: [1, 2, 3]}" AFTER, 4, 43,
	 "'vlan' has more than 2 items", NULL},
	{TRIGGER "{protocol: udp, port: 1, vlan: [1, none]}" AFTER, 4, 47,
	 "vlan 'none' is not a number", NULL},
	{TRIGGER "{protocol: udp, port: 1, interface: 'a b'}" AFTER, 4, 49,
	 "is not a name that an interface can have", NULL},
	{TRIGGER "{protocol: udp, prot: 1}" AFTER, 4, 28, "unknown key 'prot' in a trigger",
	 "did you mean 'port'?"},

	/* Keys. The value of `key` begins in column 42, that of its one pair behind its name. */
	{KEY "{}" KEY_AFTER, 4, 42, "an empty key", NULL},
	{KEY "x" KEY_AFTER, 4, 42, "'key' cannot be a single value", NULL},
	{KEY "{coap_path: /a, dns_name: x}" KEY_AFTER, 4, 42, "several keys in one trigger", NULL},
	{KEY "{dns: x}" KEY_AFTER, 4, 43, "unknown key 'dns' in 'key'", NULL},
	{TRIGGER "{protocol: tcp, port: 1, key: {dns_name: x}}" AFTER, 4, 37,
	 "a key goes with udp only", NULL},
	{KEY "{coap_path: a/b}" KEY_AFTER, 4, 54, "coap_path 'a/b' does not begin with a slash",
	 "did you mean '/a/b'?"},
	{KEY "{coap_path: ''}" KEY_AFTER, 4, 55, "coap_path '' is empty", NULL},
	{KEY "{coap_path: '/a?b=1'}" KEY_AFTER, 4, 55, "has a query or fragment", NULL},
	{KEY "{coap_path: /a%2}" KEY_AFTER, 4, 54, "has a % without two hex digits", NULL},
	{KEY "{coap_path: /a/../b}" KEY_AFTER, 4, 54, "has a segment '.' or '..'", NULL},
	{KEY "{coap_path: /a/%2e}" KEY_AFTER, 4, 54, "has a segment '.' or '..'", NULL},
	{KEY "{coap_path: '/a b'}" KEY_AFTER, 4, 55, "has a character that a URI writes as %",
	 NULL},
	{KEY "{coap_path: /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17}" KEY_AFTER, 4, 54,
	 "has too many segments", NULL},
	{KEY "{dns_name: ''}" KEY_AFTER, 4, 54, "dns_name '' is empty", NULL},
	{KEY "{dns_name: a..b}" KEY_AFTER, 4, 53, "has an empty label", NULL},
	{KEY "{dns_name: .a}" KEY_AFTER, 4, 53, "has an empty label", "did you mean 'a'?"},
	{KEY "{dns_name: 'a b'}" KEY_AFTER, 4, 54, "has a blank", NULL},
	{KEY "{dns_name: bücher.example}" KEY_AFTER, 4, 53, "has letters beyond ASCII", NULL},
	{KEY "{dns_name: 'a\\256'}" KEY_AFTER, 4, 54, "has a \\ with a number above 255", NULL},
	{KEY "{dns_name: 'a\\25'}" KEY_AFTER, 4, 54, "has a \\ with a digit behind it", NULL},
	{KEY "{dns_suffix: '*.example'}" KEY_AFTER, 4, 56, "has a label '*'",
	 "did you mean 'example'?"},
	{KEY "{dns_suffix: 1.2.3.4.5.6.7.8.9}" KEY_AFTER, 4, 55, "has too many labels", NULL},
	{KEY "{bytes: {offset: 0}}" KEY_AFTER, 4, 50, "'value' is missing in 'bytes'", NULL},
	{KEY "{bytes: {value: 00}}" KEY_AFTER, 4, 50, "'offset' is missing in 'bytes'", NULL},
	{KEY "{bytes: {offset: 9001, value: 00}}" KEY_AFTER, 4, 59, "offset '9001' is too large",
	 NULL},
	{KEY "{bytes: {offset: 0, value: 0x16}}" KEY_AFTER, 4, 69, "value '0x16' begins with 0x",
	 "did you mean '16'?"},
	{KEY "{bytes: {offset: 0, value: 1}}" KEY_AFTER, 4, 69, "value '1' has an odd number",
	 NULL},
	{KEY "{bytes: {offset: 0, value: 0g}}" KEY_AFTER, 4, 69, "value '0g' is not hex", NULL},
	{KEY "{bytes: {offset: 0, value: 0000000000000000000000000000000000}}" KEY_AFTER, 4, 69,
	 "is longer than 16 bytes", NULL},
	{KEY "{bytes: {offset: 0, value: 16, mask: ffff}}" KEY_AFTER, 4, 73,
	 "the mask has 2 bytes, the value 1", NULL},
	{KEY "{bytes: {offset: 0, value: 00, mask: 00}}" KEY_AFTER, 4, 73,
	 "the mask leaves nothing to compare", NULL},
	{KEY "{bytes: {offset: 0, value: 45, mask: f0}}" KEY_AFTER, 4, 62,
	 "the value has bits that the mask leaves out", "did you mean '40'?"},

	/* Limits, latency, objective */
	{FUNCTION "limit: 500\n", 6, 10, "limit '500' has no unit", "did you mean '500/s'?"},
	{FUNCTION "limit: 1.5k/s\n", 6, 10, "limit '1.5k/s' has a decimal point", NULL},
	{FUNCTION "limit: 101M/s\n", 6, 10, "limit '101M/s' is too large", NULL},
	{FUNCTION "limit: {burst: 3}\n", 6, 10, "'rate' is missing in 'limit'", NULL},
	{FUNCTION "limit: {rate: 1/s, brust: 3}\n", 6, 22, "unknown key 'brust' in 'limit'",
	 "did you mean 'burst'?"},
	{FUNCTION "limit: {rate: 1/s, burst: 0}\n", 6, 29, "burst '0' is too small", NULL},
	{FUNCTION "limit: {rate: 1/s, burst: 101M}\n", 6, 29, "burst '101M' is too large", NULL},
	{FUNCTION "limit: {rate: 1/m, burst: 1441}\n", 6, 22,
	 "burst 1441 is too large for the rate", NULL},
	{FUNCTION "limit: {rate: 1/s, excess: dorp}\n", 6, 30, "excess 'dorp' is not known",
	 "did you mean 'drop'?"},
	{FUNCTION "limit: {excess: pass}\n", 6, 10, "'rate' is missing in 'limit'", NULL},
	{FUNCTION "limit: {per_source: 1/s, burst: 3}\n", 6, 28, "'burst' without 'rate'",
	 "a source's burst belongs in 'per_source'"},
	{FUNCTION "limit: {rate: 1/s, excess: reply}\n", 4, 12,
	 "no reply is known for what this trigger takes",
	 "'excess: drop' says nothing to those over the limit"},
	{TRIGGER "udp/53-54\n  kernel: a.o\n  limit: {rate: 1/s, excess: reply}\n", 4, 12,
	 "no reply is known for what this trigger takes",
	 "'excess: drop' says nothing to those over the limit"},
	{"version: 1\nfunctions:\n- name: a\n  triggers: [udp/53, tcp/53, udp/5683]\n  kernel: "
	 "a.o\n"
	 "  limit: {rate: 1/s, excess: reply}\n",
	 4, 30, "no reply is known for what this trigger takes",
	 "'excess: drop' says nothing to those over the limit"},
	{TRIGGER "tcp/53\n  kernel: a.o\n  limit: {rate: 1/s, excess: reply}\n", 6, 3,
	 "'excess: reply' of a function without a UDP trigger",
	 "'excess: drop' says nothing to those over the limit"},
	{FUNCTION "limit: {per_source: 0}\n", 6, 23, "per_source '0' admits nothing", NULL},
	{FUNCTION "limit: {per_source: {rate: 0/s}}\n", 6, 30, "rate '0/s' admits nothing", NULL},
	{FUNCTION "limit: {per_source: {burst: 1}}\n", 6, 23, "'rate' is missing in 'per_source'",
	 NULL},
	{FUNCTION "limit: {per_source: {rate: 1/m, burst: 1441}}\n", 6, 35,
	 "burst 1441 is too large for the rate", NULL},
	{FUNCTION "limit: {per_source: {rate: 1/s, prefix4: 33}}\n", 6, 44,
	 "prefix4 '33' is too large", NULL},
	{FUNCTION "limit: {per_source: {rate: 1/s, prefix6: 0}}\n", 6, 44,
	 "prefix6 '0' is too small", NULL},
	{FUNCTION "limit: {per_source: {rate: 1/s, entries: 64k}}\n", 6, 44,
	 "entries '64k' is not such a number", "did you mean '65536'?"},
	{FUNCTION "limit: {per_source: {rate: 1/s, entries: 8M}}\n", 6, 44,
	 "entries '8M' is not such a number", "did you mean '4194304'?"},
	{FUNCTION "limit: {per_source: {rate: 1/s, entries: many}}\n", 6, 44,
	 "entries 'many' is not a number", NULL},
	{FUNCTION "limit: {rate: 1/s, prefix4: 24}\n", 6, 22, "unknown key 'prefix4' in 'limit'",
	 "'prefix4' belongs in 'per_source'"},
	{FUNCTION "limit: [1/s]\n", 6, 10, "'limit' cannot be a list", NULL},
	{FUNCTION "latency: 1ms\n", 6, 12, "'latency' cannot be a single value", NULL},
	{FUNCTION "latency: {sample: 0}\n", 6, 21, "sample '0' is too small", NULL},
	{FUNCTION "latency: {deadline: 61s}\n", 6, 23, "deadline '61s' is too long", NULL},
	{FUNCTION "latency: {deadline: 10ns}\n", 6, 23, "deadline '10ns' is too short", NULL},
	{FUNCTION "latency: {deadline: 10}\n", 6, 23, "deadline '10' has no unit", NULL},
	{FUNCTION "objective: {p99: 0s}\n", 6, 20, "p99 '0s' is too short", NULL},
	{FUNCTION "objective: {loss: 1}\n", 6, 21, "loss '1' has no percent sign", NULL},
	{FUNCTION "objective: {loss: 101%}\n", 6, 21, "loss '101%' is too large", NULL},
};

/* Several mistakes in one text, each told once. */
static const struct several {
	const char *text;
	unsigned lines[XFN_DIAGS_MAX]; /* of the diagnostics, in their order */
} several[] = {
	{"version: 3\nsett: a\nfunctions: []\nset: A\n", {1, 2, 4}},
	/* An unknown key may be the missing one: no more is said of that. */
	{"version: 1\nfunctions:\n- nam: a\n  triger: udp/1\n  kernl: a.o\n", {3, 4, 5}},
	{"version: 1\nfunctions:\n- {}\n", {3, 3, 3}},
	{TOP "a: [[[[[[[b]]]]]]]\n", {3}},      /* 8 levels: only the key is wrong */
	{TOP "a: [[[[[[[[b]]]]]]]]\n", {3, 3}}, /* 9 */
	{TOP "a: &x !!y [*z]\n", {3, 3, 3, 3}},
	{"version: 1\nfunctions: [x, &a {name: b, trigger: udp/1, kernel: a.o}, *a]\n", {2, 2, 2}},
};

static void parse_refused(const char *text, size_t len, struct xfn_diag_list *diags)
{
	struct xfn_manifest *manifest = (void *)diags;
	long before = xfn_alloc_live();

	assert_int_equal(xfn_manifest_parse("t", text, len, diags, &manifest), -EINVAL);
	assert_ptr_equal(manifest, diags); /* untouched */
	for (unsigned i = 0; i < diags->count; i++)
		assert_string_equal(diags->items[i].file, "t");
	assert_true(diags->count || diags->more || xfn_alloc_live() == before);
}

/* Prints what is not as in the table, so that one run shows all of it. */
static bool is_refused(const struct refusal *refusal)
{
	struct xfn_diag_list diags = {0};
	const struct xfn_diag *diag = &diags.items[0];
	bool good;

	parse_refused(refusal->text, strlen(refusal->text), &diags);
	good = diags.count == 1 && diag->line == refusal->line && diag->column == refusal->column &&
	       strstr(diag->message, refusal->message) &&
	       !strcmp(diag->hint ? diag->hint : "", refusal->hint ? refusal->hint : "");
	if (!good) {
		print_error("expected %u:%u: %s, got\n", refusal->line, refusal->column,
			    refusal->message);
		xfn_diag_print(stderr, &diags, refusal->text, strlen(refusal->text));
	}
	xfn_diag_list_fini(&diags);
	return good;
}

static void test_refusals(void **state)
{
	long before = xfn_alloc_live();
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		wrong += !is_refused(&refusals[i]);
	assert_int_equal(wrong, 0);
	assert_int_equal(xfn_alloc_live(), before);
}

static void test_several(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(several) / sizeof(several[0]); i++) {
		struct xfn_diag_list diags = {0};
		unsigned n = 0;

		parse_refused(several[i].text, strlen(several[i].text), &diags);
		while (several[i].lines[n] && n < diags.count &&
		       diags.items[n].line == several[i].lines[n])
			n++;
		if (several[i].lines[n] || n < diags.count) {
			xfn_diag_print(stderr, &diags, several[i].text, strlen(several[i].text));
			fail_msg("other lines than in the table, case %zu", i);
		}
		xfn_diag_list_fini(&diags);
	}
}

/* ---- sizes -------------------------------------------------------------------------------------- */

static void check_generated(const char *head, const char *unit, size_t times, const char *tail,
			    unsigned line, const char *message)
{
	size_t head_len = strlen(head), unit_len = strlen(unit);
	size_t len = head_len + times * unit_len + strlen(tail);
	char *text = malloc(len + 1);
	struct xfn_diag_list diags = {0};

	assert_non_null(text);
	memcpy(text, head, head_len);
	for (size_t i = 0; i < times; i++)
		memcpy(text + head_len + i * unit_len, unit, unit_len);
	strcpy(text + len - strlen(tail), tail);
	parse_refused(text, len, &diags);
	assert_int_equal(diags.items[0].line, line);
	assert_non_null(strstr(diags.items[0].message, message));
	xfn_diag_list_fini(&diags);
	free(text);
}

static void test_sizes(void **state)
{
	(void)state;
	check_generated("", "#\n", XFN_MANIFEST_BYTES_MAX / 2 + 1, "", 0, "the text is too long");
	check_generated(TOP "#", "x", 65536, "\n", 3, "a line of more than 65536 bytes");
	check_generated(TOP "set: ", "a", 8200, "\n", 3, "a single value of more than 8192 bytes");
	check_generated(TOP "set: |\n", " a\n", 4000, "\n", 4, "a single value of more than 8192");
	check_generated(FUNCTION "description: ", "a", 256, "\n", 6, "is too long");
	check_generated(DELIVERY "kernel: ", "a", 4096, "\n", 5, "is too long");
	check_generated(TOP "a: ", "[", 60000, "\n", 3, "unknown key 'a'");
	check_generated(TOP "attach: [", "a, ", 257, "]\n", 3, "'attach' has more than 256 items");
	check_generated(XSK "[", "a, ", 65, "]\n", 5, "'xsk' has more than 64 items");
	check_generated(XSK, "a", 4096, "\n", 5, "is too long");
	check_generated(XSK "[a, ", "a", 4096, "]\n", 5, "is too long");
	check_generated(XSK "{exec: a, env: {AB: ", "a", 4093, "}}\n", 5, "is too long");
	check_generated(XSK "{exec: a, env: {", "A", 4096, ": b}}\n", 5,
			"a key in 'env' is too long");
}

/* Names as many as there is room for, and one more. */
static void test_variables(void **state)
{
	struct xfn_diag_list diags = {0};
	struct xfn_manifest *manifest;
	char text[4096] = XSK "{exec: a, env: {V0: x";

	(void)state;
	for (int i = 1; i < XFN_VARIABLES_MAX; i++)
		sprintf(text + strlen(text), ", V%d: x", i);
	strcat(text, "}}\n");
	assert_int_equal(xfn_manifest_parse("t", text, strlen(text), &diags, &manifest), 0);
	assert_int_equal(manifest->functions[0].exec.env.count, XFN_VARIABLES_MAX);
	xfn_manifest_free(manifest);
	strcpy(text + strlen(text) - 3, ", W: x, X: x}}\n");
	parse_refused(text, strlen(text), &diags);
	assert_int_equal(diags.count, 1);
	assert_string_equal(diags.items[0].message, "'env' has more than 64 items");
	xfn_diag_list_fini(&diags);
}

/* A text may hold a NUL, and needs none behind it. */
static void test_nul(void **state)
{
	static const char text[] = "version: 1\nset: a\0b\nfunctions: []\n";
	struct xfn_diag_list diags = {0};

	(void)state;
	parse_refused(text, sizeof(text) - 1, &diags);
	assert_int_equal(diags.count, 1);
	assert_int_equal(diags.items[0].line, 2);
	assert_int_equal(diags.items[0].column, 7);
	xfn_diag_list_fini(&diags);
	/* Escapes can make them too. */
	assert_true(is_refused(&(struct refusal){TOP "\"set\\0\": a\n", 3, 2, "unknown key 'set",
						 "did you mean 'set'?"}));
	assert_true(is_refused(
		&(struct refusal){TOP "set: \"a\\0\"\n", 3, 7, "set 'a' has char", NULL}));
}

static void test_bounded(void **state)
{
	char text[4096] = TOP;
	struct xfn_diag_list diags = {0};

	(void)state;
	for (int i = 0; i < 50; i++)
		strcat(text, "wrong: 1\n");
	parse_refused(text, strlen(text), &diags);
	assert_int_equal(diags.count, XFN_DIAGS_MAX);
	assert_int_equal(diags.more, 30);
	xfn_diag_list_fini(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_several),
		cmocka_unit_test(test_sizes),    cmocka_unit_test(test_nul),
		cmocka_unit_test(test_bounded),  cmocka_unit_test(test_variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
