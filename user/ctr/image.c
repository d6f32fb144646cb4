/* SPDX-License-Identifier: MIT */
/*
 * Mounting an image. Dyad, and Linux since 6.12, mount an EROFS straight from its file; an older
 * Linux wants a block device, so there a loop device stands between.
 */
#include <linux/loop.h>

#include "ctr.h"

static int mount_by_loop(const char *image, const char *dir)
{
	struct loop_config config = { .info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR };
	int control, loop = -1, number, err;
	char path[32];

	config.fd = open(image, O_RDONLY | O_CLOEXEC);
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	/* Between asking for a free one and taking it, somebody else may take it: ask again. */
	do {
		if (loop >= 0)
			close(loop);
		number = ioctl(control, LOOP_CTL_GET_FREE);
		format(path, sizeof(path), "/dev/loop%d", number);
		loop = number < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
		err = loop < 0 ? -1 : ioctl(loop, LOOP_CONFIGURE, &config);
	} while (err < 0 && errno == EBUSY);
	if (!err)
		err = mount(path, dir, "erofs", MS_RDONLY, NULL);
	number = errno;
	close(loop);
	close(control);
	close(config.fd);
	errno = number;
	return err;
}

int mount_image(const char *image, const char *dir)
{
	if (!mount(image, dir, "erofs", MS_RDONLY | MS_NODEV, NULL))
		return 0;
	return errno == ENOTBLK ? mount_by_loop(image, dir) : -1;
}
