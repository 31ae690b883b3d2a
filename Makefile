# SPDX-License-Identifier: BSD-2-Clause
# xfn: build, test, install. `make help` lists the targets.

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0
WERROR ?= 0
BUILD := build

CC := gcc
CLANG ?= clang
BPFTOOL ?= /usr/sbin/bpftool
PKG_CONFIG ?= pkg-config
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2);)

# ---- flags -------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wundef -Wwrite-strings -Wimplicit-fallthrough $(if $(filter 1,$(WERROR)),-Werror)
CPPFLAGS += -D_GNU_SOURCE -DXFN_VERSION='"$(VERSION)"' -Iinclude -Iuser/lib -I$(BUILD)/bpf
CFLAGS ?= -O2 -g
XFN_CFLAGS := -std=gnu11 $(WARNINGS) -fstack-protector-strong -D_FORTIFY_SOURCE=2
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Wshadow -Wundef \
	-Wno-unused-parameter $(if $(filter 1,$(WERROR)),-Werror) \
	-Iinclude -idirafter /usr/include/$(MULTIARCH)

CORE_PKGS := libfyaml jansson
DAEMON_PKGS := libxdp libbpf libelf libmicrohttpd libsystemd libmnl libcap-ng libseccomp
CLI_PKGS := libcurl
core_libs = $(shell $(PKG_CONFIG) --libs $(CORE_PKGS))
daemon_libs = $(shell $(PKG_CONFIG) --libs $(DAEMON_PKGS) $(CORE_PKGS))
keeper_libs = $(shell $(PKG_CONFIG) --libs libcap-ng libseccomp)
cli_libs = $(shell $(PKG_CONFIG) --libs $(CLI_PKGS) $(CORE_PKGS)) -lbpf

# ---- what there is -----------------------------------------------------------------------------
LIB_SRCS := $(wildcard user/lib/*.c)
CLI_SRCS := $(wildcard user/cli/*.c)
KEEPER_SRCS := $(addprefix loader/keeper_,main.c answer.c inbox.c park.c store.c)
# What the keeper shares with others.
KEEPER_PARTS := $(addprefix loader/,aide.c privileges.c seccomp.c) user/libxfn/xsk.c
DAEMON_SRCS := $(filter-out $(KEEPER_SRCS),$(wildcard loader/*.c))
DAEMON_PARTS := user/libxfn/inbox.c
FUNCTION_SRCS := $(wildcard user/libxfn/*.c)
BPF_SRCS := $(wildcard bpf/*.bpf.c)
EXAMPLE_BPF_SRCS := $(wildcard examples/*/*.bpf.c)
EXAMPLE_SRCS := $(filter-out %.bpf.c,$(wildcard examples/*/*.c))
TEST_BPF_OBJ_SRCS := $(wildcard tests/bpf/*.bpf.c)
UNIT_SRCS := $(wildcard tests/unit/*_test.c)
BPF_TEST_SRCS := $(filter-out %.bpf.c,$(wildcard tests/bpf/*.c))
FUZZ_SRCS := $(wildcard tests/fuzz/*_fuzz.c)
BENCH_SRCS := $(filter-out %.bpf.c,$(wildcard tests/bench/*.c))
BENCH_BPF_SRCS := $(wildcard tests/bench/*.bpf.c)
BENCH_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/programs/*.c))
E2E_TOOL_SRCS := $(wildcard tests/e2e/tools/*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
san = $(patsubst %.c,$(BUILD)/san/%.o,$(1))
LIB_OBJS := $(call obj,$(LIB_SRCS))
CLI_OBJS := $(call obj,$(CLI_SRCS))
DAEMON_OBJS := $(call obj,$(DAEMON_SRCS) $(DAEMON_PARTS))
BPF_OBJS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(BPF_SRCS))
SKELETONS := $(patsubst %.bpf.o,%.skel.h,$(BPF_OBJS))
# Objects built where their sources are named: examples/echo/echo.bpf.c -> build/examples/echo/echo.bpf.o
PLAIN_BPF_OBJS := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(EXAMPLE_BPF_SRCS) $(TEST_BPF_OBJ_SRCS) $(BENCH_BPF_SRCS))
ZONE_OBJS := $(call obj,$(wildcard examples/resolver/zone/*.c))
KV_SRCS := $(wildcard examples/kv/server/*.c)
STATSD_SRCS := $(wildcard examples/statsd/server/*.c)
EXAMPLE_BINS := $(patsubst %.c,$(BUILD)/%,$(EXAMPLE_SRCS)) $(BUILD)/examples/resolver/zone \
	$(BUILD)/examples/kv/server $(BUILD)/examples/statsd/server
UNIT_BINS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRCS))
FUZZ_BINS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(FUZZ_SRCS))
# fault.c is preloaded, the others are run.
E2E_TOOLS := $(patsubst %/fault,%/fault.so,$(patsubst %.c,$(BUILD)/%,$(E2E_TOOL_SRCS)))
BINS := $(if $(CLI_SRCS),$(BUILD)/xfn) $(if $(DAEMON_SRCS),$(BUILD)/xfnd) $(BUILD)/xfn-keeper $(BUILD)/libxfn.so $(BUILD)/libxfn.a

.PHONY: all deps demo test test-vm check bench lint install uninstall clean help tests examples
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BINS) $(BPF_OBJS) examples

help:
	@echo 'make                build build/xfn, build/xfnd, build/xfn-keeper, build/libxfn and the examples'
	@echo 'make deps           list and install the Debian packages that the targets below need'
	@echo 'make demo           the main job on real traffic, in network namespaces of its own'
	@echo 'make test           unit, BPF, fuzz-corpus and end-to-end tests, lint'
	@echo 'make test-vm        the BPF tests on Debian'"'"'s own 6.1 and 6.12 kernels, in QEMU'
	@echo 'make check          test and test-vm, with one closing line'
	@echo 'make bench          write docs/performance.md (minutes; not a test); BENCH_PARTS=port: one part of it'
	@echo 'make lint           warnings, shellcheck, manual pages, house rules'
	@echo 'make install        into $$(DESTDIR)$$(PREFIX); uninstall takes it away again'
	@echo 'V=1 shows commands; WERROR=1 makes warnings errors'

# ---- user space --------------------------------------------------------------------------------
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) $(XFN_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/san/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC-SAN,$<)$(CC) $(CPPFLAGS) -O1 -g -std=gnu11 $(WARNINGS) $(SANITIZE) -DXFN_TESTING -MMD -MP -c -o $@ $<

$(DAEMON_OBJS) $(call san,$(DAEMON_SRCS)) $(call obj,$(BPF_TEST_SRCS)): | $(SKELETONS)

$(BUILD)/xfn: $(CLI_OBJS) $(LIB_OBJS)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(cli_libs)

$(BUILD)/xfnd: $(DAEMON_OBJS) $(LIB_OBJS)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(daemon_libs)

$(BUILD)/obj/loader/keeper_%.o $(BUILD)/san/loader/keeper_%.o: CPPFLAGS += -Iuser/libxfn
$(BUILD)/obj/loader/inject.o $(BUILD)/san/loader/inject.o: CPPFLAGS += -Iuser/libxfn
$(BUILD)/xfn-keeper: $(call obj,$(KEEPER_SRCS) $(KEEPER_PARTS))
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(keeper_libs)

# libxfn, for functions on AF_XDP sockets. One set of objects serves both kinds.
FUNCTION_SONAME := libxfn.so.0
FUNCTION_OBJS := $(patsubst %.c,$(BUILD)/pic/%.o,$(FUNCTION_SRCS))
$(BUILD)/pic/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC-PIC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) $(XFN_CFLAGS) -fPIC -MMD -MP -c -o $@ $<

$(BUILD)/libxfn.so: $(FUNCTION_OBJS) user/libxfn/libxfn.map
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(FUNCTION_SONAME) \
		-Wl,--version-script,user/libxfn/libxfn.map -Wl,-z,defs -o $@ $(FUNCTION_OBJS)

$(BUILD)/libxfn.a: $(FUNCTION_OBJS)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

# ---- BPF ---------------------------------------------------------------------------------------
define bpf_compile
@mkdir -p $(@D)
$(call say,BPF,$<)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@ $<
endef

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	$(bpf_compile)

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*) > $@

$(BUILD)/examples/%.bpf.o: examples/%.bpf.c
	$(bpf_compile)

$(BUILD)/tests/%.bpf.o: tests/%.bpf.c
	$(bpf_compile)

# ---- examples, tests ---------------------------------------------------------------------------
examples: $(filter $(BUILD)/examples/%,$(PLAIN_BPF_OBJS)) $(EXAMPLE_BINS)

$(BUILD)/examples/%: $(BUILD)/obj/examples/%.o $(LIB_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(core_libs) -lbpf

$(BUILD)/examples/function/%: $(BUILD)/obj/examples/function/%.o $(BUILD)/libxfn.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/examples/kv/server: $(call obj,$(KV_SRCS))
$(BUILD)/examples/statsd/server: $(call obj,$(STATSD_SRCS) user/lib/utf8.c)
$(BUILD)/examples/kv/server $(BUILD)/examples/statsd/server: $(BUILD)/libxfn.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $<

$(BUILD)/examples/resolver/zone: $(ZONE_OBJS) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(core_libs) -lbpf

# A unit test links with every library and daemon part but the daemon's main().
SAN_LIB_OBJS := $(call san,$(LIB_SRCS) $(addprefix user/libxfn/,frame.c inbox.c) $(filter-out loader/main.c,$(DAEMON_SRCS)))
$(BUILD)/tests/unit/%: $(BUILD)/san/tests/unit/%.o $(SAN_LIB_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(SANITIZE) -o $@ $^ $(daemon_libs) -lcmocka

# The keeper that its tests start: beside them, as xfnd's launcher looks for it.
$(BUILD)/tests/unit/xfn-keeper: $(call san,$(KEEPER_SRCS) $(KEEPER_PARTS))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(SANITIZE) -o $@ $^ $(keeper_libs)
$(BUILD)/tests/unit/keeper_test $(BUILD)/tests/unit/keeper_park_test: | \
	$(BUILD)/tests/unit/xfn-keeper $(BUILD)/tests/bpf/park.bpf.o

# With the whole of libxfn, and none of the library of its namesakes.
$(call san,tests/unit/function_go_test.c tests/unit/function_open_test.c): | $(BUILD)/bpf/xfn_port_rx.skel.h
$(BUILD)/tests/unit/function_go_test $(BUILD)/tests/unit/function_open_test: \
	$(BUILD)/tests/unit/%: $(BUILD)/san/tests/unit/%.o $(call san,$(FUNCTION_SRCS))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(SANITIZE) -o $@ $^ -lbpf -lcmocka

# Beside a kernel that the test plays.
$(BUILD)/tests/unit/xsk_test: $(call san,tests/unit/xsk_test.c user/libxfn/xsk.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(SANITIZE) -Wl,--wrap=sendto,--wrap=bind,--wrap=clock_gettime -o $@ $^ -lcmocka

$(BUILD)/tests/unit/kv_test: $(call san,$(filter-out %/main.c,$(KV_SRCS)))
$(BUILD)/tests/unit/statsd_test $(BUILD)/tests/unit/statsd_http_test: $(call san,$(filter-out %/main.c,$(STATSD_SRCS)))

$(BUILD)/tests/bpf/bpf_test: $(call obj,$(BPF_TEST_SRCS) user/libxfn/xsk.c) $(LIB_OBJS) $(filter-out %/main.o,$(DAEMON_OBJS))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) -o $@ $^ $(daemon_libs) -lm

$(BUILD)/tests/bench/bench: $(call obj,$(BENCH_SRCS)) $(LIB_OBJS) $(filter-out %/main.o,$(DAEMON_OBJS))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) -o $@ $^ $(daemon_libs)

$(BUILD)/tests/bench/programs/%: $(BUILD)/obj/tests/bench/programs/%.o $(BUILD)/libxfn.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/e2e/tools/%: $(BUILD)/obj/tests/e2e/tools/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) -o $@ $^ -lpthread -lbpf $(TOOL_LIBS)

$(BUILD)/tests/e2e/tools/hostile $(BUILD)/tests/e2e/tools/forward \
$(BUILD)/tests/e2e/tools/tally: $(BUILD)/libxfn.a
$(BUILD)/tests/e2e/tools/bareecho: TOOL_LIBS := -lxdp

$(BUILD)/tests/e2e/tools/fault.so: tests/e2e/tools/fault.c tests/e2e/tools/fault.h
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CPPFLAGS) $(CFLAGS) $(XFN_CFLAGS) -U_FORTIFY_SOURCE -fPIC -shared -o $@ $< -ldl

# libFuzzer needs clang; the library is compiled with it as a whole, so that coverage guides it.
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
fuzz = $(patsubst %.c,$(BUILD)/fuzz/%.o,$(1))
$(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC-FUZZ,$<)$(CLANG) $(CPPFLAGS) -O1 -g -std=gnu11 -fsanitize=fuzzer-no-link $(FUZZ_SANITIZE) \
		-DXFN_TESTING -MMD -MP -c -o $@ $<

$(BUILD)/tests/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(call fuzz,$(LIB_SRCS))
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CLANG) -fsanitize=fuzzer $(FUZZ_SANITIZE) -o $@ $^ $(core_libs) $(FUZZ_LIBS) -lbpf

# What of the daemon a target reads by.
$(BUILD)/tests/fuzz/state_fuzz: $(call fuzz,$(addprefix loader/,edit.c edits.c engine_disk.c fault.c \
	model.c model_check.c tag.c set.c written.c \
	revision.c revision_prune.c revision_write.c))
$(BUILD)/tests/fuzz/http_fuzz: $(call fuzz,$(addprefix loader/,http.c http_peers.c listen.c loop.c reply.c \
	request.c stream.c))
$(BUILD)/tests/fuzz/kv_fuzz: $(call fuzz,$(filter-out %/main.c,$(KV_SRCS)))
$(BUILD)/tests/fuzz/statsd_fuzz: $(call fuzz,$(filter-out %/main.c,$(STATSD_SRCS)))
$(BUILD)/tests/fuzz/function_fuzz: $(call fuzz,user/libxfn/frame.c user/libxfn/inbox.c)
$(BUILD)/tests/fuzz/http_fuzz: FUZZ_LIBS := -lmicrohttpd -lsystemd

tests: $(UNIT_BINS) $(if $(BPF_TEST_SRCS),$(BUILD)/tests/bpf/bpf_test) $(FUZZ_BINS) \
	$(BUILD)/tests/bench/bench $(BENCH_PROGRAMS) \
	$(filter $(BUILD)/tests/%,$(PLAIN_BPF_OBJS)) $(E2E_TOOLS)

# ---- jobs --------------------------------------------------------------------------------------
deps:
	$(Q)tests/deps.sh

demo: deps
	$(Q)$(MAKE) --no-print-directory -j2 all tests
	$(Q)examples/demo.sh

test: deps
	$(Q)$(MAKE) --no-print-directory -j2 all tests
	$(Q)tests/run.sh unit bpf fuzz e2e lint

test-vm: deps
	$(Q)$(MAKE) --no-print-directory -j2 all tests
	$(Q)tests/run.sh vm

check: deps
	$(Q)$(MAKE) --no-print-directory -j2 all tests
	$(Q)tests/run.sh unit bpf fuzz e2e lint vm

bench: deps
	$(Q)$(MAKE) --no-print-directory -j2 all tests
	$(Q)tests/bench/run.sh $(BENCH_PARTS)

lint:
	$(Q)tests/lint.sh

# Folders that systemd looks into; of the units the one for what is installed under /usr/local, too.
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
SYSUSERS_DIR ?= $(PREFIX)/lib/sysusers.d
TMPFILES_DIR ?= $(PREFIX)/lib/tmpfiles.d

SDK_HEADERS := $(addprefix include/xfn/,abi.h digest.h histogram.h port.h park.h event.h handler.h dns.h coap.h function.h channel.h)
MAN_PAGES := $(wildcard docs/man/*.[1-8])

# What is installed: SOURCE:FOLDER/NAME:MODE. Both install and uninstall go by it.
INSTALLED := \
	$(BUILD)/xfn:$(PREFIX)/bin/xfn:755 \
	$(BUILD)/xfnd:$(PREFIX)/sbin/xfnd:755 \
	$(BUILD)/xfn-keeper:$(PREFIX)/sbin/xfn-keeper:755 \
	$(BUILD)/bpf/xfn_pass.bpf.o:$(PREFIX)/lib/xfn/xfn_pass.bpf.o:644 \
	user/cli/completion.bash:$(PREFIX)/share/bash-completion/completions/xfn:644 \
	$(BUILD)/xfnd.service:$(UNIT_DIR)/xfnd.service:644 \
	$(BUILD)/libxfn.so:$(PREFIX)/lib/$(FUNCTION_SONAME):755 \
	$(BUILD)/libxfn.a:$(PREFIX)/lib/libxfn.a:644 \
	$(BUILD)/xfn.pc:$(PREFIX)/lib/pkgconfig/xfn.pc:644 \
	loader/systemd/xfn.sysusers:$(SYSUSERS_DIR)/xfn.conf:644 \
	loader/systemd/xfn.tmpfiles:$(TMPFILES_DIR)/xfn.conf:644 \
	$(foreach header,$(SDK_HEADERS),$(header):$(PREFIX)/$(header):644) \
	$(foreach page,$(MAN_PAGES),$(page):$(PREFIX)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)):644)

define install_one
install -D -m $(word 3,$(1)) $(word 1,$(1)) $(DESTDIR)$(word 2,$(1))

endef

# Made at each installation: it holds the prefix.
.PHONY: $(BUILD)/xfnd.service $(BUILD)/xfn.pc
$(BUILD)/xfn.pc: user/libxfn/xfn.pc.in
	$(Q)sed 's,@PREFIX@,$(PREFIX),; s,@VERSION@,$(VERSION),' $< >$@

$(BUILD)/xfnd.service: loader/systemd/xfnd.service.in
	$(Q)sed 's,@SBINDIR@,$(PREFIX)/sbin,' $< >$@

install: all $(BUILD)/xfnd.service $(BUILD)/xfn.pc
	$(foreach item,$(INSTALLED),$(call install_one,$(subst :, ,$(item))))
	$(Q)ln -sf $(FUNCTION_SONAME) $(DESTDIR)$(PREFIX)/lib/libxfn.so
	@echo '  installed below $(DESTDIR)$(PREFIX); with systemd: systemd-sysusers, systemd-tmpfiles --create xfn.conf,'
	@echo '  systemctl daemon-reload, systemctl enable --now xfnd'

# What is running goes on, and what is attached stays: see xfnd --reset in xfnd(8).
uninstall:
	$(Q)rm -f $(foreach item,$(INSTALLED),$(DESTDIR)$(word 2,$(subst :, ,$(item)))) \
		$(DESTDIR)$(PREFIX)/lib/libxfn.so
	-$(Q)rmdir $(DESTDIR)$(PREFIX)/include/xfn $(DESTDIR)$(PREFIX)/lib/xfn 2>/dev/null || true

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
