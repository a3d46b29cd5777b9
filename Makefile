# Build with `make`; see README.md. Variables: CC, BUILD (the build folder), SANITIZE=1 (ASan and UBSan).
CC ?= gcc
BUILD ?= build
# One name for each object, whoever names the folder: the dependency files hold it.
override BUILD := $(abspath $(BUILD))
PREFIX ?= /usr/local
VERSION := 0.1.0

PACKAGES = libp11 p11-kit-1 libcrypto yaml-0.1 jansson
WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -DCH_VERSION='"$(VERSION)"' -I. $(WARNINGS) -O2 -g -fPIE -fstack-protector-strong \
    -fno-common $(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-unknown-warning-option -Wno-format-truncation -Wno-format-overflow,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) \
    $(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=address$(comma)undefined) $(LDFLAGS)
comma := ,

# A room is a .c file; what ends in main.c is a program.
BASE = $(wildcard base/*.c)
PKCS11 = $(wildcard pkcs11/*.c)
AGENT = $(wildcard agent/*.c agent/*/*.c)
CONCEPTS = $(wildcard conf/*.c wire/*.c exchange/*.c policy/*.c state/*.c)
CLI = $(wildcard cli/*.c)
UNIT = $(wildcard tests/unit/test_*.c tests/unit/*/test_*.c)

object = $(patsubst %.c,$(BUILD)/%.o,$(1))
AGENT_LIBS = $(shell pkg-config --libs $(PACKAGES) libmicrohttpd sqlite3 libseccomp) -ldl -lpthread
# Modules allocate much for a signature: a tenth of what one costs. The sanitizers have an allocator of their own.
ALLOCATOR = $(if $(SANITIZE),,$(shell pkg-config --libs jemalloc))
CLI_LIBS = $(shell pkg-config --libs $(PACKAGES) libcurl) -ldl -lpthread
UNIT_LIBS = $(shell pkg-config --libs $(PACKAGES) check sqlite3) -ldl -lpthread

all: $(BUILD)/chancery-agent $(BUILD)/chancery

$(BUILD)/chancery-agent: $(call object,$(AGENT) $(CONCEPTS) $(PKCS11) $(BASE))
	@echo '  LINK $(notdir $@)'
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALLOCATOR) $(AGENT_LIBS)

# The CLI shares the agent's frames and profiles, not its processes.
CLI_SHARED = $(wildcard conf/*.c wire/*.c exchange/*.c)
$(BUILD)/chancery: $(call object,$(CLI) $(CLI_SHARED) $(PKCS11) $(BASE))
	@echo '  LINK $(notdir $@)'
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CLI_LIBS)

# The property test of every profile; it is linked as the CLI is.
property-programs: $(BUILD)/tests/property/profiles

$(BUILD)/tests/property/profiles: $(call object,$(wildcard tests/property/*.c) $(CLI_SHARED) $(PKCS11) $(BASE))
	@echo '  LINK $(notdir $@)'
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CLI_LIBS)

# One unit-test program a room, linked with everything but the programs' main.
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/tests/unit/softhsm.o $(call object,$(filter-out %/main.c,$(AGENT)) $(CONCEPTS) $(PKCS11) $(BASE))
	@echo '  LINK $(notdir $@)'
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(UNIT_LIBS) $(AGENT_LIBS)

unit-programs: $(patsubst %.c,$(BUILD)/%,$(UNIT))

$(BUILD)/%.o: %.c
	@echo '  CC $<'
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# The load generator and its kin; scripts/bench runs them.
bench-programs: $(patsubst %,$(BUILD)/tests/bench/%,load raw sshagent build)

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/tests/bench/sample.o $(call object,$(CLI_SHARED) $(PKCS11) $(BASE))
	@echo '  LINK $(notdir $@)'
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(UNIT_LIBS)

clean:
	rm -rf $(BUILD)

.PHONY: all unit-programs property-programs bench-programs clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
