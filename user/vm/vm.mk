# SPDX-License-Identifier: MIT
$(UBASE)/uobj/user/vm/main.o: $(UBASE)/uobj/user/vm/help.inc
$(UBASE)/uobj/user/vm/main.o: UFLAGS += -iquote $(UBASE)/uobj/user/vm
