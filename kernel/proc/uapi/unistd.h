/* SPDX-License-Identifier: MIT */
/* linux/shm.h includes the C library's header of this name, and takes nothing from it. */
#pragma once
