# SPDX-License-Identifier: MIT
$(BASE)/uobj/user/vm/main.o: $(BASE)/uobj/user/vm/help.inc
$(BASE)/uobj/user/vm/main.o: UFLAGS += -iquote $(BASE)/uobj/user/vm
