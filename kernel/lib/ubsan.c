/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls when it sees undefined behaviour at run time (make SAN=1): a warning with
 * the place in the source, and the run goes on; a test run fails. Every handler's first argument
 * begins with the place (the ABI of -fsanitize=undefined), and that is all that is used of it.
 */
#include "lib/lib.h"

#ifdef SAN
struct ubsan_place {
	const char *file;
	u32 line, column;
};

#define HANDLER(name, text)                                                                        \
	void __ubsan_handle_##name(const struct ubsan_place *at);                                  \
	void __ubsan_handle_##name(const struct ubsan_place *at)                                   \
	{                                                                                          \
		warn_at(at->file, at->line, "undefined behaviour: %s", text);                      \
	}

HANDLER(add_overflow, "signed addition overflows")
HANDLER(sub_overflow, "signed subtraction overflows")
HANDLER(mul_overflow, "signed multiplication overflows")
HANDLER(negate_overflow, "negation overflows")
HANDLER(divrem_overflow, "division by zero or overflow")
HANDLER(shift_out_of_bounds, "shift by too much or of a negative number")
HANDLER(out_of_bounds, "array index out of bounds")
HANDLER(type_mismatch_v1, "null or misaligned pointer, or an object too small")
HANDLER(vla_bound_not_positive, "array of no size")
HANDLER(load_invalid_value, "a bool or enum with another value")
HANDLER(nonnull_arg, "NULL where it must not be")
HANDLER(nonnull_return_v1, "NULL returned where it must not be")
HANDLER(pointer_overflow, "pointer arithmetic overflows")
HANDLER(builtin_unreachable, "unreachable code is reached")
HANDLER(missing_return, "a function ends without a value")
HANDLER(invalid_builtin, "a builtin with an invalid argument")
#endif
