/* SPDX-License-Identifier: MIT */
/* What linux/if.h takes from the C library's header of this name; in the kernel there is none. */
#pragma once
#include <linux/socket.h>

struct sockaddr {
	__kernel_sa_family_t sa_family;
	char sa_data[14];
};
