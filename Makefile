# Build with `make`. The lines that begin with two # are what `make help` prints.
#
## make                        the programs, in $(BUILD)
## make check                  build and run the unit and the regression tests
## make check-unit/base/test_slots
##                             one of them
## make install                install programs, profiles, manuals, completion and the systemd units
## make uninstall              remove what install put there
## make compile_commands.json  how each file is compiled, for editors and clang tools
## make clean                  remove $(BUILD)
## make help                   this list
##
## make unit-programs regress-programs property-programs vector-programs bench-programs fuzz-programs hostile-programs
##                             the test programs, which scripts/test and scripts/bench run
##
## Variables:
##   CC                        the compiler: gcc (default) or clang
##   BUILD                     the folder for what is built (default: build)
##   PREFIX                    where it is to be installed (default: /usr/local); also for make without a target
##   DESTDIR                   a folder that stands for / during install, for packages
##   SANITIZE=1                AddressSanitizer and UndefinedBehaviorSanitizer
##   SANITIZE=thread           ThreadSanitizer
##   FUZZ=1                    for fuzz-programs; clang only
##   COVERAGE=1                counts for scripts/test --coverage; clang only
##   CPPFLAGS CFLAGS LDFLAGS   added to ours
CC ?= gcc
BUILD ?= build
# One name for each object, whoever names the folder: the dependency files hold it.
override BUILD := $(abspath $(BUILD))
PREFIX ?= /usr/local
# Make tells paths apart by spaces.
$(foreach name,BUILD PREFIX DESTDIR,$(if $(word 2,x$($(name))x),$(error $(name) may not contain a space: '$($(name))')))
VERSION := 0.1.0
comma := ,

# ---- what is built from what ----
#
# One static library per folder. `links` says which libraries a folder's code may need, its own first; scripts/arrows
# holds the includes to the same table, and the linker proves it.
FOLDERS := base conf wire pkcs11 exchange policy state agent agent/core agent/front agent/token cli relay

links_base        := base
links_conf        := conf base
links_wire        := wire base
links_pkcs11      := pkcs11 base
links_exchange    := exchange conf pkcs11 base
links_policy      := policy exchange conf pkcs11 base
links_state       := state base
links_agent       := agent wire base
links_agent/core  := agent/core policy exchange state agent conf wire pkcs11 base
links_agent/front := agent/front agent wire base
links_agent/token := agent/token agent wire pkcs11 base
links_cli         := cli policy exchange conf wire pkcs11 base
links_relay       := relay conf wire base

# Packages that each library's code needs.
packages_base        := libcrypto
packages_conf        := yaml-0.1
packages_pkcs11      := libp11 p11-kit-1 libcrypto
packages_exchange    := libcrypto
packages_policy      := p11-kit-1 libcrypto
packages_state       := sqlite3
packages_agent       := libseccomp
packages_agent/core  := p11-kit-1
packages_agent/front := libmicrohttpd jansson
packages_agent/token :=
packages_cli         := libcurl jansson libcrypto libqrencode p11-kit-1
packages_relay       := libcurl libssl libcrypto libseccomp

# The programs: the folder that holds each one's main.c.
PROGRAMS := chancery-agent chancery-front chancery-token chancery chancery-relay
main_chancery-agent := agent/core
main_chancery-front := agent/front
main_chancery-token := agent/token
main_chancery       := cli
main_chancery-relay := relay

# ---- flags ----

SANITIZERS := $(if $(filter thread,$(SANITIZE)),thread,$(if $(SANITIZE)$(FUZZ),address$(comma)undefined))
# What libFuzzer steers by.
TRACED := $(if $(FUZZ),-fsanitize=fuzzer-no-link)
# Counts stand in a file from the start, so that those of a process that is killed are there too.
COVERED := -fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic -mllvm -runtime-counter-relocation
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror
ALL_PACKAGES := $(sort $(foreach folder,$(FOLDERS),$(packages_$(folder))) check)
CPPFLAGS_ALL := -D_GNU_SOURCE -DCH_VERSION='"$(VERSION)"' -I. \
    $(if $(SANITIZERS),-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=2) $(shell pkg-config --cflags $(ALL_PACKAGES)) $(CPPFLAGS)
CFLAGS_ALL := -std=c17 $(WARNINGS) -O2 -g -fPIE -fstack-protector-strong -fno-common \
    $(if $(SANITIZERS),-fsanitize=$(SANITIZERS) -fno-sanitize-recover=all -fno-omit-frame-pointer \
    -Wno-unknown-warning-option -Wno-format-truncation -Wno-format-overflow,-DNDEBUG) \
    $(TRACED) $(if $(COVERAGE),$(COVERED)) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now $(if $(SANITIZERS),-fsanitize=$(SANITIZERS)) $(if $(COVERAGE),-fprofile-instr-generate) $(LDFLAGS)
# A module allocates dozens of times for a signature, a tenth of its cost. The sanitizers have their own allocator.
ALLOCATOR := $(if $(SANITIZERS),,jemalloc)

# ---- rules ----

dashed = $(subst /,-,$(1))
library = $(BUILD)/lib$(call dashed,$(1)).a
libraries = $(foreach folder,$(links_$(1)),$(call library,$(folder)))
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
packages = $(sort $(foreach folder,$(links_$(1)),$(packages_$(folder))))
libs = $(shell pkg-config --libs $(packages) $(2)) -ldl -lpthread

all: $(PROGRAMS:%=$(BUILD)/%)

define link
@echo '  LINK $(notdir $@)'
@mkdir -p $(@D)
@$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$+) $(1)
endef

define library_rule
$(call library,$(1)): $(call objects,$(filter-out %/main.c,$(wildcard $(1)/*.c)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$(AR) rcs $$@ $$^
endef
$(foreach folder,$(FOLDERS),$(eval $(call library_rule,$(folder))))

define program_rule
$(BUILD)/$(1): $(BUILD)/$(main_$(1))/main.o $(call libraries,$(main_$(1)))
	$$(call link,$$(call libs,$(main_$(1)),$(if $(filter chancery,$(1)),,$(ALLOCATOR))))
endef
$(foreach program,$(PROGRAMS),$(eval $(call program_rule,$(program))))

$(BUILD)/%.o: %.c
	@echo '  CC $<'
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# Only this file knows PREFIX, and it is compiled again if that changes.
$(BUILD)/base/paths.o: CPPFLAGS_ALL += -DCH_PREFIX='"$(PREFIX)"'
$(BUILD)/base/paths.o: $(BUILD)/prefix
$(BUILD)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' >$@
FORCE:

# So does only this one know when the program was built. That is asked once for each folder of builds, so that it is
# not compiled again for the time's sake; SOURCE_DATE_EPOCH sets it, for builds that can be repeated.
$(BUILD)/agent/core/clockwatch.o: CPPFLAGS_ALL += -include $(BUILD)/build_time.h
$(BUILD)/agent/core/clockwatch.o: $(BUILD)/build_time.h
$(BUILD)/build_time.h:
	@mkdir -p $(@D)
	@echo "#define CH_BUILD_TIME_S $${SOURCE_DATE_EPOCH:-$$(date +%s)}" >$@

# ---- tests ----

# A unit test links the folder that it stands in for, and what that folder may use; and the helpers that lie beside it.
SUPPORT := $(call objects,$(wildcard tests/support/*.c))
helpers = $(call objects,$(filter-out tests/unit/$(1)/test_%.c,$(wildcard tests/unit/$(1)/*.c)))
define unit_rules
$(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/$(1)/test_*.c)): $(BUILD)/tests/unit/$(1)/%: \
    $(BUILD)/tests/unit/$(1)/%.o $(call helpers,$(1)) $(SUPPORT) $(call libraries,$(1)) $(call libraries,pkcs11)
	$$(call link,$$(call libs,$(1),check $(packages_pkcs11)))
endef
$(foreach folder,$(FOLDERS),$(eval $(call unit_rules,$(folder))))
UNIT_TESTS := $(foreach folder,$(FOLDERS),$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/$(folder)/test_*.c)))
unit-programs: $(UNIT_TESTS:%=$(BUILD)/tests/unit/%)

# Core starts the programs that lie beside its own. Beside its tests these are stand-ins, which the test plays.
STAND_INS := $(foreach role,front token,$(foreach tests,unit/agent/core regress,$(BUILD)/tests/$(tests)/chancery-$(role)))
$(STAND_INS): $(BUILD)/tests/support/standin/main.o
	$(call link)
$(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/agent/core/test_*.c)): | $(STAND_INS)

# A test per bug that was found; it may use the code of any folder.
REGRESS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/regress/test_*.c))
LAST_FIRST := cli agent/core agent/front agent/token agent policy exchange state conf wire pkcs11 base
regress-programs: $(REGRESS)
$(REGRESS): $(BUILD)/tests/regress/%: $(BUILD)/tests/regress/%.o $(SUPPORT) $(call helpers,agent/core) \
    $(foreach folder,$(LAST_FIRST),$(call library,$(folder))) | $(STAND_INS)
	$(call link,$(shell pkg-config --libs $(ALL_PACKAGES)) -ldl -lpthread)

# What the agent of a test loads: a clock that is off, and a module at fault (tests/faults/README.md). Never with the
# sanitizers, whose runtime is the program's.
define link_loaded
@echo '  LINK $(notdir $@)'
@mkdir -p $(@D)
@$(CC) $(CPPFLAGS_ALL) -std=c17 $(WARNINGS) -O2 -g -fPIC -shared $(1) -o $@ $(filter %.c,$^) -ldl -lpthread
endef
LOADED := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/support/loaded/*.c))
FAULTY := $(BUILD)/tests/faults/faulty.so
regress-programs: $(LOADED) $(FAULTY)
$(LOADED): $(BUILD)/%.so: %.c
	$(call link_loaded)
$(FAULTY): $(wildcard tests/faults/*.c tests/faults/*.h tests/faults/*.def)
	$(call link_loaded,-fvisibility=hidden)

CHECKS := $(UNIT_TESTS:%=check-unit/%) $(REGRESS:$(BUILD)/tests/%=check-%)
check: $(CHECKS)
$(CHECKS): check-%: $(BUILD)/tests/%
	@echo '  CHECK $*'
	@$< >$<.log 2>&1 || { cat $<.log; exit 1; }

# The property tests of every profile: two programs, made of the same parts.
PROPERTY := $(addprefix $(BUILD)/tests/property/,profiles intents)
property_parts := $(call objects,$(filter-out %/profiles.c %/intents.c,$(wildcard tests/property/*.c)))
property-programs: $(PROPERTY)
$(PROPERTY): $(BUILD)/tests/property/%: $(BUILD)/tests/property/%.o $(property_parts) $(call libraries,exchange)
	$(call link,$(call libs,exchange,jansson))

# What the oracle (tests/oracle/run.py) speaks to: the rooms that decide, and core's record of orders.
property-programs: $(BUILD)/tests/oracle/decisions
$(BUILD)/tests/oracle/decisions: $(call objects,$(wildcard tests/oracle/*.c) agent/core/orders.c agent/core/forgotten.c) $(call libraries,policy)
	$(call link,$(call libs,policy,jansson))

# The signed requests of real clients (tests/vectors/README.md).
property-programs: vector-programs
vector-programs: $(BUILD)/tests/vectors/vectors
$(BUILD)/tests/vectors/vectors: $(call objects,$(wildcard tests/vectors/*.c)) $(call libraries,exchange)
	$(call link,$(call libs,exchange,jansson))

# A fuzz target per door, and the folder whose code it opens; scripts/fuzz builds them with FUZZ=1 and runs them.
fuzz_yaml            := conf
fuzz_profile         := exchange
fuzz_strings         := exchange
fuzz_answers         := exchange
fuzz_wire            := exchange
fuzz_policy          := agent/core
fuzz_json            := agent/front
fuzz_http            := agent/front
fuzz_secrets         := cli
fuzz_uris            := pkcs11
fuzz_frames          := wire
fuzz_state           := agent/core
fuzz_front_frames    := agent/core
fuzz_token_answers   := agent/core
fuzz_operator_frames := agent/core
fuzz_relay           := relay
FUZZ_DOORS := yaml profile strings wire answers policy json http secrets uris frames state front_frames token_answers operator_frames relay
# Good requests, made and checked by the property test's parts; frames of all kinds; core on a stage.
fuzz_samples := $(call objects,tests/fuzz/rig.c tests/fuzz/files.c $(filter-out %/profiles.c %/intents.c,$(wildcard tests/property/*.c)))
fuzz_frame_parts := $(call objects,tests/fuzz/frames.c)
fuzz_core_parts := $(fuzz_samples) $(fuzz_frame_parts) \
    $(call objects,$(addprefix tests/fuzz/,core.c core_policy.c disk.c events.c kept.c play.c play_operators.c play_relay.c requests.c stage.c told.c))
fuzz_with_policy          := $(call objects,tests/fuzz/files.c)
fuzz_with_profile         := $(fuzz_samples)
fuzz_with_strings         := $(fuzz_samples) $(call objects,tests/fuzz/shipped.c)
fuzz_with_wire            := $(fuzz_with_strings)
fuzz_with_answers         := $(call objects,tests/fuzz/shipped.c)
fuzz_with_frames          := $(fuzz_frame_parts)
fuzz_with_state           := $(fuzz_core_parts)
fuzz_with_front_frames    := $(fuzz_core_parts)
fuzz_with_token_answers   := $(fuzz_core_parts)
fuzz_with_operator_frames := $(fuzz_core_parts)
# Without FUZZ=1 they only replay inputs; so they keep up with the code in every build.
fuzz_main := $(if $(FUZZ),,$(call objects,tests/fuzz/replay.c))
define fuzz_rule
fuzz-programs: $(BUILD)/tests/fuzz/fuzz_$(1)
$(BUILD)/tests/fuzz/fuzz_$(1): $(BUILD)/tests/fuzz/fuzz_$(1).o $(BUILD)/tests/fuzz/fuzz.o $(fuzz_main) $(fuzz_with_$(1)) \
    $(call libraries,$(fuzz_$(1)))
	$$(call link,$(if $(FUZZ),-fsanitize=fuzzer) $$(call libs,$(fuzz_$(1)),jansson))
endef
$(foreach door,$(FUZZ_DOORS),$(eval $(call fuzz_rule,$(door))))
unit-programs: fuzz-programs

# The load generator and its kin; scripts/bench runs them.
BENCHES := load flood raw sshagent build decide venue bots
bench-programs: $(BENCHES:%=$(BUILD)/tests/bench/%)
$(BENCHES:%=$(BUILD)/tests/bench/%): $(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/tests/bench/sample.o \
    $(call libraries,policy)
	$(call link,$(call libs,policy,jansson libssl))
$(BUILD)/tests/bench/venue: $(BUILD)/tests/bench/rules.o
$(BUILD)/tests/bench/bots: $(BUILD)/tests/bench/orders.o $(BUILD)/tests/bench/asked.o

# What core may be given in place of its front and its token process; tests/e2e/hostile.py puts them there.
HOSTILE := $(BUILD)/tests/hostile/front $(BUILD)/tests/hostile/token
hostile-programs: $(HOSTILE)
$(HOSTILE): $(BUILD)/tests/hostile/%: $(BUILD)/tests/hostile/%.o $(BUILD)/tests/hostile/hostile.o \
    $(call objects,tests/fuzz/frames.c tests/fuzz/fuzz.c) $(call libraries,agent)
	$(call link,$(call libs,agent))

# ---- install ----

# What goes where, below PREFIX. uninstall removes the same.
bindir        := $(PREFIX)/bin
libexecdir    := $(PREFIX)/libexec/chancery
profiledir    := $(PREFIX)/share/chancery/profiles
mandir        := $(PREFIX)/share/man
completiondir := $(PREFIX)/share/bash-completion/completions
unitdir       := $(PREFIX)/lib/systemd/system
dropindir     := $(PREFIX)/share/doc/chancery/systemd

BIN := chancery chancery-agent chancery-relay
LIBEXEC := $(filter-out $(BIN),$(PROGRAMS))
FEED := $(wildcard adapters/feed/*.py) adapters/python/chancery.py
PROFILES := $(wildcard profiles/*.yaml)
MANUALS := $(wildcard docs/man/*.[1-9])
UNITS := $(foreach kind,service socket timer,$(wildcard docs/systemd/*.$(kind)))
DROPINS := $(wildcard docs/systemd/chancery-agent.service.d/*.conf)
manual_path = $(foreach manual,$(1),$(mandir)/man$(subst .,,$(suffix $(manual)))/$(notdir $(manual)))
INSTALLED = $(BIN:%=$(bindir)/%) $(LIBEXEC:%=$(libexecdir)/%) $(addprefix $(libexecdir)/,$(notdir $(FEED))) $(PROFILES:profiles/%=$(profiledir)/%) \
    $(call manual_path,$(MANUALS)) $(completiondir)/chancery $(UNITS:docs/systemd/%=$(unitdir)/%) \
    $(DROPINS:docs/systemd/chancery-agent.service.d/%=$(dropindir)/%)
# Ours alone, so that uninstall may remove them.
OUR_FOLDERS := $(profiledir) $(PREFIX)/share/chancery $(libexecdir) $(dropindir) $(PREFIX)/share/doc/chancery

# Manuals and unit name the paths of a PREFIX of /usr/local.
define install_text
sed 's,/usr/local/,$(PREFIX)/,g' $(1) | install -m 644 /dev/stdin $(DESTDIR)$(2)

endef

install: all $(BUILD)/completion
	install -d $(sort $(dir $(INSTALLED:%=$(DESTDIR)%)))
	install -m 755 $(BIN:%=$(BUILD)/%) $(DESTDIR)$(bindir)
	install -m 755 $(LIBEXEC:%=$(BUILD)/%) $(FEED) $(DESTDIR)$(libexecdir)
	install -m 644 $(PROFILES) $(DESTDIR)$(profiledir)
	install -m 644 $(DROPINS) $(DESTDIR)$(dropindir)
	install -m 644 $(BUILD)/completion $(DESTDIR)$(completiondir)/chancery
	$(foreach manual,$(MANUALS),$(call install_text,$(manual),$(call manual_path,$(manual))))
	$(foreach unit,$(UNITS),$(call install_text,$(unit),$(unitdir)/$(notdir $(unit))))

uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)%)
	-rmdir $(OUR_FOLDERS:%=$(DESTDIR)%)

# The leak checker can't look into a process that forbids dumps.
$(BUILD)/completion: $(BUILD)/chancery
	@ASAN_OPTIONS=detect_leaks=0 $< help completion >$@.new
	@mv $@.new $@

# ---- about the build ----

help:
	@sed -n 's/^##[ ]\{0,1\}//p' Makefile

# How each file is compiled, as clang's tools read it: every argument as a JSON string.
COMPILED = $(foreach folder,$(FOLDERS),$(wildcard $(folder)/*.c)) $(shell find tests -name '*.c')
compile_commands.json: $(BUILD)/compile_commands.json
	@cp $< $@
$(BUILD)/compile_commands.json: FORCE
	@mkdir -p $(@D)
	@set -- $(CC) $(CPPFLAGS_ALL) -DCH_PREFIX='"$(PREFIX)"' -DCH_BUILD_TIME_S=0 $(CFLAGS_ALL) -c; \
	arguments=$$(printf '%s\n' "$$@" | sed 's/[\\"]/\\&/g; s/.*/"&",/' | tr '\n' ' '); \
	separator='['; \
	for file in $(COMPILED); do \
	    printf '%s\n{"directory": "%s", "file": "%s", "arguments": [%s"-o", "%s", "%s"]}' "$$separator" '$(CURDIR)' \
	        "$$file" "$$arguments" "$(BUILD)/$${file%.c}.o" "$$file"; \
	    separator=,; \
	done >$@.new
	@echo ']' >>$@.new
	@mv $@.new $@

clean:
	rm -rf $(BUILD)

.PHONY: all unit-programs regress-programs property-programs vector-programs fuzz-programs bench-programs hostile-programs \
    check $(CHECKS) install uninstall help clean FORCE
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
