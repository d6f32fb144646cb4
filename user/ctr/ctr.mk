# SPDX-License-Identifier: MIT
# The names of Linux's system calls, for seccomp filters: of the header that the kernel and libc share.
$(BASE)/uobj/user/ctr/syscalls.inc: user/ctr/ctr.mk | $(UAPI)/.done
	$(Q)mkdir -p $(@D)
	$(Q)sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/{ "\1", \2 },/p' $(UAPI)/asm/unistd_64.h > $@
$(BASE)/uobj/user/ctr/oci_filter.o: $(BASE)/uobj/user/ctr/syscalls.inc
$(BASE)/uobj/user/ctr/oci_filter.o: UFLAGS += -iquote $(BASE)/uobj/user/ctr
