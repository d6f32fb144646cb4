# SPDX-License-Identifier: MIT
# The names of Linux's system calls in the order of their numbers, for seccomp filters: of the header that the kernel and libc share.
$(BASE)/uobj/user/ctr/syscalls.inc: user/ctr/ctr.mk | $(UAPI)/.done
	$(Q)mkdir -p $(@D)
	$(Q)awk '/^#define __NR_/ { for (; n < $$3; n++) print "\"\\0\""; print "\"" substr($$2, 6) "\\0\""; n++ }' \
		$(UAPI)/asm/unistd_64.h > $@
$(BASE)/uobj/user/ctr/oci_filter.o: $(BASE)/uobj/user/ctr/syscalls.inc
$(BASE)/uobj/user/ctr/oci_filter.o: UFLAGS += -iquote $(BASE)/uobj/user/ctr
