# SPDX-License-Identifier: MIT
# Dyad. `make help` says what there is to make. Local settings: config.mk.
-include config.mk

# Jobs side by side, unless -j says how many: as many as there are CPUs.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(or $(shell getconf _NPROCESSORS_ONLN),1)
endif

V ?= 0
SAN ?= 0
DEBUG ?= 0
WITHOUT ?=
CROSS_COMPILE ?=
empty :=
space := $(empty) $(empty)
# A build without a layer leaves files out and compiles the rest alike: it shares the objects in BASE.
variant := $(if $(filter 1,$(SAN)),-san,$(if $(filter 1,$(DEBUG)),-debug))
BASE := $(or $(BUILD),build$(variant))
# The programs are the same for each kernel: another build folder may have their objects.
UBASE ?= $(BASE)
BUILD ?= build$(if $(WITHOUT),-without-$(subst $(space),-,$(strip $(WITHOUT))))$(variant)
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
LD := $(CROSS_COMPILE)ld
AR := $(CROSS_COMPILE)ar
NM := $(CROSS_COMPILE)nm
STRIP := $(CROSS_COMPILE)strip
PYTHON ?= python3
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2))

.DEFAULT_GOAL := all
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
FORCE:

# A stamp file holds a text and gets a new time when the text changes: what is built with other
# flags or from another list of files is then built again.
define stamp
$(1): FORCE
	@mkdir -p $$(@D); printf '%s\n' '$(subst ','\'',$(2))' > $$@.new; \
	if cmp -s $$@.new $$@; then rm -f $$@.new; else mv -f $$@.new $$@; fi
endef

# ---- Linux's user-space headers: the kernel and the programs share them, nothing is retyped ----
UAPI := $(BASE)/uapi
PROGRAM_UAPI := $(UBASE)/uapi
UAPI_LINUX ?= $(firstword $(dir $(wildcard /usr/include/linux/kvm.h /usr/x86_64-linux-gnu/include/linux/kvm.h)))..
UAPI_ASM ?= $(firstword $(wildcard /usr/include/x86_64-linux-gnu/asm /usr/x86_64-linux-gnu/include/asm /usr/include/asm))
$(sort $(UAPI)/.done $(PROGRAM_UAPI)/.done): Makefile
	$(Q)mkdir -p $(@D)
	$(Q)ln -sfn $(abspath $(UAPI_LINUX))/linux $(@D)/linux
	$(Q)ln -sfn $(abspath $(UAPI_LINUX))/asm-generic $(@D)/asm-generic
	$(Q)ln -sfn $(abspath $(UAPI_LINUX))/video $(@D)/video
	$(Q)ln -sfn $(UAPI_ASM) $(@D)/asm
	$(Q)touch $@

# ---- the kernel ----
LAYERS := $(filter-out $(WITHOUT),container vmm)
KSRC := $(sort $(wildcard kernel/*.c kernel/*/*.c kernel/*/*/*.c kernel/*.S kernel/*/*.S kernel/*/*/*.S) \
	$(foreach l,$(LAYERS),$(wildcard $(l)/*.c $(l)/*/*.c $(l)/*.S $(l)/*/*.S)) \
	$(if $(filter 1,$(SAN)),$(wildcard tests/san/*.c)))
KOBJ := $(patsubst %.c,$(BASE)/obj/%.o,$(filter %.c,$(KSRC))) \
	$(patsubst %.S,$(BASE)/obj/%.S.o,$(filter %.S,$(KSRC)))
# SAN=1: undefined behaviour and bad memory accesses become kernel warnings (lib/ubsan.c, x86/kasan.c).
# Of all files only kasan.c itself is not checked. -fwrapv stays: signed overflow is defined here.
KSAN_SHADOW := 0xdffffc0000000000
KSAN_CLANG := $(addprefix -mllvm -asan-,instrumentation-with-call-threshold=0 stack=1 globals=1 use-after-scope=1 \
	mapping-offset=$(KSAN_SHADOW))
KSAN_GCC := -fasan-shadow-offset=$(KSAN_SHADOW) -fsanitize-address-use-after-scope \
	$(addprefix --param asan-,instrumentation-with-call-threshold=0 stack=1 globals=1) \
	-Wno-maybe-uninitialized
KSAN := $(if $(filter 1,$(SAN)),-DSAN -fsanitize=undefined -fno-sanitize=alignment -fsanitize=kernel-address \
	$(if $(findstring clang,$(CC)),$(KSAN_CLANG),$(KSAN_GCC)) -Wframe-larger-than=4096 -Wno-array-bounds)
# SAN=1 and DEBUG=1: lock order, sleeping while atomic, locks left behind (sched/lockdep.c).
KLOCKDEP := $(if $(filter 1,$(SAN) $(DEBUG)),-DLOCKDEP)
KSAN_NOT := $(if $(filter 1,$(SAN)),kernel/x86/kasan.c)
# What each access calls: every instruction of it counts.
KSAN_FAST := -O2 -fomit-frame-pointer
# no-ops in front of loops and jumps would be a twentieth of the image
KALIGN := -falign-functions=4 $(if $(findstring clang,$(CC)),,-fno-align-loops -fno-align-jumps -fno-align-labels)
# What programs wait for is built for speed, the rest for size: that is a fifth of the image.
KFAST := kernel/lib/% kernel/sched/% kernel/mm/% vmm/vcpu.c vmm/exit.c vmm/cpuid.c vmm/svm/run.c vmm/vmx/run.c \
	$(addprefix kernel/x86/,trap.c paging.c fpu.c) \
	$(addprefix kernel/fs/,namei.c dentry.c file.c fd.c rw.c pipe.c uio.c inode.c tmpfs.c poll.c epoll.c) \
	$(addprefix kernel/proc/,fork.c exec.c exit.c task.c pid.c signal.c futex.c wait.c) \
	$(addprefix kernel/net/,socket.c unix.c unix_data.c pkt.c backlog.c ip.c tcp.c tcp_in.c tcp_out.c) \
	$(addprefix kernel/syscall/,entry.c rw.c file.c stat.c)
KSMALL := kernel/mm/reclaim.c kernel/lib/printf.c kernel/lib/ebpf.c kernel/sched/bandwidth.c kernel/sched/stats.c
KFLAGS := -std=gnu17 -ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include 2>/dev/null) \
	-isystem $(UAPI) -isystem kernel/net/uapi -isystem kernel/proc/uapi -Ikernel -I. \
	-I$(BASE)/gen -D__KERNEL_DYAD__ \
	-Os $(KALIGN) -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-pic -fno-pie -fno-stack-protector -fno-strict-aliasing -fno-asynchronous-unwind-tables \
	-fno-common -fwrapv -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wmissing-prototypes -Wstrict-prototypes -Wframe-larger-than=1536 -Werror $(KLOCKDEP) $(KSAN)
ifneq ($(findstring clang,$(CC)),)
KFLAGS += --target=x86_64-unknown-linux-gnu
endif
LDSCRIPT := kernel/x86/boot/kernel.ld
KLINK = $(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments -T $(LDSCRIPT)

$(eval $(call stamp,$(BASE)/.kflags,$(CC) $(KFLAGS) $(KFAST) : $(KSMALL)))
$(eval $(call stamp,$(BUILD)/.kobj,$(KLINK) $(KOBJ)))
$(BASE)/obj/%.o: %.c $(BASE)/.kflags | $(UAPI)/.done
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(if $(filter $<,$(KSAN_NOT)),$(filter-out $(KSAN),$(KFLAGS)) -DSAN $(KSAN_FAST),$(KFLAGS)) \
		$(if $(filter $(KFAST),$(filter-out $(KSMALL),$<)),-O2) -MMD -MP -c -o $@ $<
$(BASE)/obj/%.S.o: %.S $(BASE)/.kflags | $(UAPI)/.done
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<
-include $(KOBJ:.o=.d)
$(BASE)/gen/font8x16.h: tools/mkfont
	$(call say,FONT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) tools/mkfont $@
$(BASE)/obj/kernel/dev/fbcon.o: $(BASE)/gen/font8x16.h

# The kernel carries the names of its functions for backtraces: it is linked once with an empty
# table, the table is made from that, and it is linked again. The text must not move between.
$(BUILD)/dyad.elf: $(KOBJ) $(LDSCRIPT) tools/mksyms $(BUILD)/.kobj
	$(call say,LD,$@)
	$(Q)$(PYTHON) tools/mksyms --empty > $(BUILD)/ksyms0.S
	$(Q)$(CC) $(KFLAGS) -c -o $(BUILD)/ksyms0.o $(BUILD)/ksyms0.S
	$(Q)$(KLINK) -o $(BUILD)/dyad.pass1.elf $(KOBJ) $(BUILD)/ksyms0.o
	$(Q)$(NM) -n $(BUILD)/dyad.pass1.elf > $(BUILD)/pass1.map
	$(Q)$(PYTHON) tools/mksyms < $(BUILD)/pass1.map > $(BUILD)/ksyms.S
	$(Q)$(CC) $(KFLAGS) -c -o $(BUILD)/ksyms.o $(BUILD)/ksyms.S
	$(Q)$(KLINK) -o $@ $(KOBJ) $(BUILD)/ksyms.o
	$(Q)$(NM) -n $@ > $(BUILD)/dyad.map
	$(Q)$(PYTHON) tools/mksyms < $(BUILD)/dyad.map | cmp -s - $(BUILD)/ksyms.S || \
		{ echo "the text moved between the two links: .rodata.ksyms must lie behind it"; rm -f $@; exit 1; }
	$(Q)rm -f $(BUILD)/dyad.pass1.elf $(BUILD)/pass1.map $(BUILD)/ksyms0.*
$(BUILD)/dyad.stripped.elf: $(BUILD)/dyad.elf
	$(call say,STRIP,$@)
	$(Q)$(STRIP) -o $@ $<

# ---- the programs: user/NAME.c, or user/NAME/*.c; both may use user/common/*.c ----
MUSL_SPECS := $(firstword $(wildcard /usr/lib/x86_64-linux-musl/musl-gcc.specs /usr/lib/musl/lib/musl-gcc.specs))
MUSL_CC ?= $(if $(CROSS_COMPILE),$(CROSS_COMPILE)gcc -specs $(MUSL_SPECS),musl-gcc)
# What is larger than a page stands apart, so that the rest is on few pages: a start pays for each that it touches.
UFLAGS := -std=gnu17 -D_GNU_SOURCE -isystem $(PROGRAM_UAPI) -Iuser/common -Os -static -fno-pie -no-pie \
	-mcmodel=medium -mlarge-data-threshold=4095 \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -mstringop-strategy=libcall \
	-ffunction-sections -fdata-sections -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror
# user/NAME/NAME.mk may set ULINK_NAME: link flags of that program alone.
include $(wildcard user/*/*.mk)
ULINK := -static -no-pie -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--build-id=none -s
UPROGS := $(patsubst user/%.c,%,$(wildcard user/*.c)) \
	$(filter-out common,$(patsubst user/%/,%,$(sort $(dir $(wildcard user/*/*.c)))))
UBIN := $(UPROGS:%=$(BUILD)/user/%)
UCOMMON := $(patsubst %.c,$(UBASE)/uobj/%.o,$(wildcard user/common/*.c))
UOBJ := $(patsubst %.c,$(UBASE)/uobj/%.o,$(wildcard user/*.c user/*/*.c))

$(eval $(call stamp,$(UBASE)/.uflags,$(MUSL_CC) $(UFLAGS) $(ULINK)))
$(eval $(call stamp,$(BUILD)/.uobj,$(UOBJ)))
$(UBASE)/uobj/%.o: %.c $(UBASE)/.uflags | $(PROGRAM_UAPI)/.done
	$(call say,UCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(UFLAGS) -MMD -MP -c -o $@ $<
-include $(UOBJ:.o=.d)
# A tool's verbs, each as an initializer of struct verb.
$(UBASE)/uobj/user/%/help.inc: user/%/help.txt
	$(Q)mkdir -p $(@D)
	$(Q)awk '/^#/ { next } \
		/^== / { if (verb) print tail; verb = $$2; tail = ", " $$3 ", " $$4 ", " $$5 ", " verb "_verb },"; \
			usage = verb ($$3 == "NULL" ? "" : " [OPTION...]"); for (i = 6; i <= NF; i++) usage = usage " " $$i; \
			printf "{ \"%s\", \"%s\", ", verb, usage; first = 1; next } \
		{ gsub(/["\\]/, "\\\\&"); printf first ? "\"%s\",\n" : "\"%s\\n\"\n", $$0; first = 0 } END { print tail }' $< > $@
$(BUILD)/user/libcommon.a: $(UCOMMON) $(BUILD)/.uobj
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(UCOMMON)
define program
$(BUILD)/user/$(1): $(patsubst %.c,$(UBASE)/uobj/%.o,$(wildcard user/$(1).c user/$(1)/*.c)) $(BUILD)/user/libcommon.a
	$$(call say,ULD,$$@)
	$$(Q)$$(MUSL_CC) $$(UFLAGS) $$(ULINK) $$(ULINK_$(1)) -o $$@ $$^
endef
$(foreach p,$(UPROGS),$(eval $(call program,$(p))))

# ---- the images and the initial file system ----
# IMAGES: names that tools/mkimage knows, folders, and container images (PATH or PATH:REF)
IMAGES ?= busybox
NAMED_IMAGES := busybox debian klibc musl toybox
IMAGE_NAMES := $(foreach i,$(IMAGES),$(if $(filter $(i),$(NAMED_IMAGES)),$(i),$(shell tools/mkimage --name '$(i)')))
IMAGE_FILES := $(IMAGE_NAMES:%=$(BUILD)/images/%.erofs)
MKIMAGE := tools/mkimage $(addprefix tools/lib/,debian.py erofs.py images.py ldcache.py oci.py tar.py tree.py)
# mkimage WHAT,OPTIONS
define mkimage
	$(call say,IMAGE,$@)
	$(Q)tools/mkimage '$(1)' $@ --cache build/cache $(2)
endef
# the probe of `compare` is part of these images: both layers run it
PROBE := $(BUILD)/user/probe:usr/bin/dyad-probe
$(BUILD)/images/busybox.erofs: $(MKIMAGE) $(BUILD)/user/probe
	$(call mkimage,busybox,--add $(PROBE))
$(BUILD)/images/musl.erofs: $(MKIMAGE) $(UBIN)
	$(call mkimage,musl,$(foreach p,$(UPROGS),--add $(BUILD)/user/$(p):bin/$(p)) --add $(PROBE))

# Debian's packages take a while: one image for all build folders
DEBIAN_IMAGES := $(patsubst %,build/images/%.erofs,debian klibc toybox)
$(DEBIAN_IMAGES): build/images/%.erofs: $(MKIMAGE)
	$(call mkimage,$*)
ifneq ($(BUILD),build)
$(patsubst build/%,$(BUILD)/%,$(DEBIAN_IMAGES)): $(BUILD)/images/%.erofs: build/images/%.erofs
	$(Q)mkdir -p $(@D) && ln -f $< $@
endif

# A container image changes with its index; a folder may change anywhere.
image_source = $(or $(wildcard $(1)/index.json),$(if $(wildcard $(1)/.),FORCE,$(1)))
define path_image
$(BUILD)/images/$(shell tools/mkimage --name '$(1)').erofs: $(call image_source,$(firstword $(subst :, ,$(1)))) $(MKIMAGE)
	$$(call mkimage,$(1))
endef
$(foreach i,$(filter-out $(NAMED_IMAGES),$(IMAGES)),$(eval $(call path_image,$(i))))
FORCE:
.PHONY: FORCE

# the firmware that vm starts boot sectors with, if it is on this machine: QEMU has it
SEABIOS := /usr/share/seabios /usr/share/qemu /usr/local/share/qemu /opt/homebrew/share/qemu
INITRAMFS := init@lib/dyad/init $(BUILD)/user/init:lib/dyad/init $(BUILD)/dyad.stripped.elf:lib/dyad/dyad.elf \
	$(foreach i,$(IMAGE_NAMES),$(BUILD)/images/$(i).erofs:images/$(i).erofs) \
	$(foreach p,$(filter-out init,$(UPROGS)),$(BUILD)/user/$(p):files/usr/local/bin/$(p)) \
	$(foreach f,bios.bin vgabios.bin,$(addsuffix :lib/dyad/$(f),$(realpath $(firstword $(wildcard $(addsuffix /$(f),$(SEABIOS)))))))
$(eval $(call stamp,$(BUILD)/.initramfs,$(INITRAMFS)))
$(BUILD)/initramfs.cpio: $(UBIN) $(IMAGE_FILES) $(BUILD)/dyad.stripped.elf $(BUILD)/.initramfs tools/mkinitramfs tools/lib/newc.py
	$(call say,CPIO,$@)
	$(Q)tools/mkinitramfs --strip-mode -o $@ --node dev/console:5:1 --dir proc --dir sys --dir etc/dyad $(INITRAMFS)

$(BUILD)/dyad.iso: $(BUILD)/dyad.stripped.elf $(BUILD)/initramfs.cpio tools/mkiso tools/lib/iso.py
	$(call say,ISO,$@)
	$(Q)tools/mkiso -o $@ --kernel $(BUILD)/dyad.stripped.elf --initrd $(BUILD)/initramfs.cpio

all: $(BUILD)/dyad.elf $(BUILD)/initramfs.cpio  ## the kernel, the programs, the images, the initial file system
kernel: $(BUILD)/dyad.elf
user: $(UBIN)
images: $(IMAGE_FILES)
clean:  ## removes what was built; what was downloaded stays in build/cache
	rm -rf $(filter-out $(BUILD)/cache,$(wildcard $(BUILD)/* $(BUILD)/.[a-z]*))
distclean:  ## removes the build folders
	rm -rf build build-*/

# ---- to start it: what is missing on this machine is offered first ----
MEM ?= 256M
CPUS ?=
RUN = tools/run --build $(BUILD) -m $(MEM) $(if $(CPUS),-c $(CPUS)) $(RUNFLAGS)
GDB_PORT ?= $(shell expr $$(id -u) % 5000 + 25000)
ready = +@tools/deps $(1) && $(MAKE) --no-print-directory $(2)
# The comparison of both layers once, then a shell; without a terminal, the comparison alone.
define tour
	@if [ -t 0 ]; then $(RUN) $(1) --first compare; else $(RUN) $(1) -- compare; fi
endef
qemu:  ## boots in QEMU, compares a container and a virtual machine, leaves a shell
	$(call ready,qemu,all)
	$(call tour,)
bochs:  ## the same in Bochs, with VT-x
	$(call ready,bochs,all)
	$(call tour,-e bochs)
qemu-uefi:  ## the same in QEMU, started by UEFI firmware
	$(call ready,uefi,all)
	$(call tour,-e uefi)
qemu-gdb:  ## QEMU waiting for gdb; in another terminal: make gdb
	$(call ready,qemu,all)
	@echo "waiting on port $(GDB_PORT); in another terminal: make gdb"
	@$(RUN) -e qemu --gdb $(GDB_PORT)
gdb:  ## gdb with the kernel's symbols, on the machine that make qemu-gdb started
	$(or $(GDB),gdb) -q $(BUILD)/dyad.elf -ex 'target remote 127.0.0.1:$(GDB_PORT)' -ex 'hbreak kernel_main' -ex continue
run-%: all  ## starts Dyad and runs the program NAME of user/: make run-NAME
	@$(RUN) -- $*
iso:  ## build/dyad.iso: one image for BIOS and UEFI, CD and USB stick
	$(call ready,iso,$(BUILD)/dyad.iso)
linux:  ## Debian's kernel for `vm run --kernel linux IMAGE`, into build/linux (tools/run does it when asked)
	$(Q)tools/mklinux cloud
compare:  ## boots, measures both layers, prints the table
	$(call ready,qemu,all)
	@$(RUN) -- compare
readme: all  ## measures again what README.md shows
	@$(RUN) -- compare > $(BUILD)/compare.txt
	@$(PYTHON) tools/loc | grep -v '^  ' > $(BUILD)/loc.txt
	@tools/readme compare=$(BUILD)/compare.txt loc=$(BUILD)/loc.txt
counts:  ## writes the tables of tests/README.md, made of those of the tests
	@mkdir -p $(BUILD) && for t in oracle ladder runtime spec escapes guests; do tests/run --counts $$t > $(BUILD)/$$t.txt && \
		tools/readme --in tests/README.md $$t=$(BUILD)/$$t.txt || exit; done
doctor:  ## what is missing on this machine, and what it can run
	@tools/doctor
deps:  ## installs what is missing (asks first)
	@tools/deps all && echo "Nothing is missing."

# ---- the tests: each kind brings its rules ----
include $(wildcard tests/*/*.mk labs/*.mk)
T ?=
J ?= 2
test:  ## all tests, or those whose names have T=PATTERN
	$(call ready,test,all tests)
	@tests/run --build $(BUILD) -j $(J) '$(T)'
tests: abi-tests guest-tests fuzz-tests
bench:  ## the figures that Dyad must reach, measured: BENCHFLAGS='--only REGEX'
	$(call ready,bochs,all bench-programs)
	@tests/bench/run --build $(BUILD) $(BENCHFLAGS)

fault:  ## every allocation fails once, with SAN=1
	@$(MAKE) --no-print-directory test T='system/san/fault/'

kvm-intel:  ## tests/kvm compared with Linux's KVM on VT-x, in Bochs
	@$(MAKE) --no-print-directory test T='kvm/bochs/'

# what a test needs inside: tests/guest/NAME.c, a program; tests/guest/NAME.S, a guest's kernel
GUEST_NAMES := $(basename $(notdir $(wildcard tests/guest/*.c tests/guest/*.S)))
$(BUILD)/tests/guest/%: tests/guest/%.c $(UBASE)/.uflags | $(PROGRAM_UAPI)/.done
	$(call say,UCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(UFLAGS) $(ULINK) -o $@ $<
$(BUILD)/tests/guest/%: tests/guest/%.S tests/guest/guest.inc
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -c -o $@.o $<
	$(Q)$(LD) -nostdlib -static -Ttext=0x100000 -z noexecstack --no-warn-rwx-segments -e start -o $@ $@.o
	$(Q)rm $@.o
guest-tests: $(GUEST_NAMES:%=$(BUILD)/tests/guest/%)
.PHONY: test tests bench fault kvm-intel guest-tests readme

# ---- the rules of the house ----
CSOURCES = $(shell git ls-files '*.c' '*.h')
format-check:  ## says which C files clang-format would change
	@clang-format --dry-run -Werror $(CSOURCES)
check-includes:  ## an include that goes up the tower fails
	@$(PYTHON) tools/checkincludes
loc:  ## code lines by folder, against the budgets
	@$(PYTHON) tools/loc

help:  ## this list
	@echo "make TARGET [V=1] [CC=clang] [CROSS_COMPILE=x86_64-linux-gnu-] [WITHOUT=container|vmm] [SAN=1] [DEBUG=1]"
	@sed -n 's/^\([a-z][a-z%-]*\):[^#]*##[ ]*/\1\t/p' Makefile labs/*.mk tests/*/*.mk | sort | while IFS="$$(printf '\t')" read -r t d; do \
		printf '  %-16s %s\n' "$$t" "$$d"; done
.PHONY: FORCE counts all kernel user images clean distclean qemu bochs qemu-uefi qemu-gdb gdb iso linux compare doctor readme \
	deps format-check check-includes loc help
