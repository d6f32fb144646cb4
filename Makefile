# SPDX-License-Identifier: MIT
# Dyad. `make help` says what there is to make. Local settings: config.mk.
-include config.mk

BUILD ?= build
V ?= 0
SAN ?= 0
WITHOUT ?=
CROSS_COMPILE ?=
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
LD := $(CROSS_COMPILE)ld
OBJCOPY := $(CROSS_COMPILE)objcopy
NM := $(CROSS_COMPILE)nm
STRIP := $(CROSS_COMPILE)strip
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2))

.DEFAULT_GOAL := all
.SUFFIXES:
.SECONDARY:

# ---- Linux's user-space headers: the kernel and the programs share them, nothing is retyped ----
UAPI := $(BUILD)/uapi
UAPI_LINUX ?= /usr/include
UAPI_ASM ?= $(firstword $(wildcard /usr/include/x86_64-linux-gnu/asm /usr/x86_64-linux-gnu/include/asm /usr/include/asm))
$(UAPI)/.done:
	$(Q)mkdir -p $(UAPI)
	$(Q)ln -sfn $(UAPI_LINUX)/linux $(UAPI)/linux
	$(Q)ln -sfn $(UAPI_LINUX)/asm-generic $(UAPI)/asm-generic
	$(Q)ln -sfn $(UAPI_ASM) $(UAPI)/asm
	$(Q)touch $@

# ---- the kernel ----
LAYERS := $(filter-out $(WITHOUT),container vmm)
KSRC := $(sort $(wildcard kernel/*.c kernel/*/*.c kernel/*/*/*.c kernel/*.S kernel/*/*.S kernel/*/*/*.S) \
	$(foreach l,$(LAYERS),$(wildcard $(l)/*.c $(l)/*/*.c $(l)/*.S $(l)/*/*.S)))
KOBJ := $(patsubst %,$(BUILD)/obj/%.o,$(basename $(KSRC)))
KFLAGS := -std=gnu17 -ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	-isystem $(UAPI) -Ikernel -I. -D__KERNEL_DYAD__ \
	-O2 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-pic -fno-pie -fno-stack-protector -fno-strict-aliasing -fno-asynchronous-unwind-tables \
	-fno-common -fwrapv -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wmissing-prototypes -Wstrict-prototypes -Wframe-larger-than=1536 -Werror
$(BUILD)/obj/%.o: %.c Makefile | $(UAPI)/.done
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/%.o: %.S Makefile | $(UAPI)/.done
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<
-include $(KOBJ:.o=.d)

$(BUILD)/dyad.elf: $(KOBJ) kernel/x86/boot/kernel.ld
	$(call say,LD,$@)
	$(Q)$(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments \
		-T kernel/x86/boot/kernel.ld -o $@ $(KOBJ)

all: $(BUILD)/dyad.elf
clean:
	rm -rf $(BUILD)
.PHONY: all clean
