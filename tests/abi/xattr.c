/* SPDX-License-Identifier: MIT */
/* xattr(7): names of every kind, sizes, lists, who may, what links and special files have. */
#include "vfs.h"

static void get(const char *path, const char *name)
{
	char buf[64];
	ssize_t n = lgetxattr(path, name, buf, sizeof(buf));

	if (n < 0)
		say("%s of %s: %s", name, path, errno_name(errno));
	else
		say("%s of %s: '%.*s'", name, path, (int)n, buf);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names(const char *path)
{
	char buf[1024], line[1024] = "", *at[32];
	ssize_t n = llistxattr(path, buf, sizeof(buf));
	int k = 0, len = 0;

	if (n < 0) {
		say("names of %s: %s", path, errno_name(errno));
		return;
	}
	for (char *s = buf; s < buf + n && k < 32; s += strlen(s) + 1)
		if (strncmp(s, "security.", 9)) /* a security module's own */
			at[k++] = s;
	qsort(at, k, sizeof(at[0]), by_text);
	for (int i = 0; i < k; i++)
		len += snprintf(line + len, sizeof(line) - len, " %s", at[i]);
	say("names of %s:%s", path, line);
}

static void values(void)
{
	char buf[64];

	begin();
	make_file("f", "x");
	R(setxattr("f", "trusted.a", "one", 3, 0));
	get("f", "trusted.a");
	R(setxattr("f", "trusted.a", "other", 5, 0));
	get("f", "trusted.a");
	R(setxattr("f", "trusted.b", "", 0, 0));
	get("f", "trusted.b");
	R(setxattr("f", "trusted.c", NULL, 0, 0));
	names("f");
	R(getxattr("f", "trusted.a", NULL, 0));
	R(getxattr("f", "trusted.a", buf, 4));
	R(getxattr("f", "trusted.a", buf, 5));
	R(getxattr("f", "trusted.none", buf, 5));
	R(removexattr("f", "trusted.a"));
	R(removexattr("f", "trusted.a"));
	names("f");
	R(setxattr("f", "trusted.a", "x", 1, XATTR_CREATE));
	R(setxattr("f", "trusted.a", "y", 1, XATTR_CREATE));
	R(setxattr("f", "trusted.a", "y", 1, XATTR_REPLACE));
	R(setxattr("f", "trusted.d", "y", 1, XATTR_REPLACE));
	R(setxattr("f", "trusted.d", "y", 1, XATTR_REPLACE | XATTR_CREATE));
	R(setxattr("f", "trusted.d", "y", 1, 4));
	get("f", "trusted.a");
	names("f");
}

static void lists(void)
{
	char buf[64];

	begin();
	make_file("f", "x");
	R(setxattr("f", "trusted.one", "1", 1, 0));
	R(setxattr("f", "trusted.two", "2", 1, 0));
	R(listxattr("f", NULL, 0));
	R(listxattr("f", buf, 23));
	R(listxattr("f", buf, 24));
	R(listxattr("none", buf, 24));
	R(flistxattr(99, buf, 24));
	R(flistxattr(open("f", O_RDONLY), buf, 24));
	R(listxattr("/proc/self", buf, 0) >= 0);
}

static void wrong_names(void)
{
	static char name[300], value[70000];
	char buf[8];

	begin();
	make_file("f", "x");
	R(setxattr("f", "noprefix", "x", 1, 0));
	R(setxattr("f", "", "x", 1, 0));
	R(setxattr("f", "trusted.", "x", 1, 0));
	R(setxattr("f", "trusted", "x", 1, 0));
	R(setxattr("f", "unknown.x", "x", 1, 0));
	R(getxattr("f", "unknown.x", buf, 8));
	R(getxattr("f", "noprefix", buf, 8));
	R(getxattr("f", "", buf, 8));
	R(removexattr("f", "unknown.x"));
	R(setxattr("f", "system.posix_acl_nonsense", "x", 1, 0));
	memset(name, 'a', sizeof(name));
	memcpy(name, "trusted.", 8);
	name[255] = '\0';
	R(setxattr("f", name, "x", 1, 0));
	name[255] = 'a';
	name[256] = '\0';
	R(setxattr("f", name, "x", 1, 0));
	R(getxattr("f", name, buf, 8));
	R(removexattr("f", name));
	R(setxattr("f", "trusted.big", value, 65536, 0));
	R(getxattr("f", "trusted.big", NULL, 0));
	R(setxattr("f", "trusted.big", value, 65537, 0));
	R(setxattr("f", "trusted.x", wild(8), 5, 0));
	R(setxattr("f", wild(8), "x", 1, 0));
	R(getxattr("f", "trusted.big", wild(8), 65536));
}

static void kinds_of_files(void)
{
	int fd;

	begin();
	make_file("f", "x");
	mkdir("d", 0755);
	symlink("f", "l");
	symlink("none", "n");
	mkfifo("p", 0644);
	R(setxattr("d", "trusted.x", "dir", 3, 0));
	R(setxattr("l", "trusted.x", "through", 7, 0));
	R(lsetxattr("l", "trusted.x", "link", 4, 0));
	R(setxattr("n", "trusted.x", "none", 4, 0));
	R(lsetxattr("n", "trusted.x", "none", 4, 0));
	R(setxattr("p", "trusted.x", "fifo", 4, 0));
	get("f", "trusted.x");
	get("d", "trusted.x");
	get("l", "trusted.x");
	get("n", "trusted.x");
	get("p", "trusted.x");
	R(lremovexattr("l", "trusted.x"));
	get("l", "trusted.x");
	get("f", "trusted.x");
	link("f", "g");
	get("g", "trusted.x");
	rename("g", "h");
	get("h", "trusted.x");
	fd = open("f", O_RDONLY);
	R(fsetxattr(fd, "trusted.y", "by fd", 5, 0));
	unlink("f");
	unlink("h");
	R(fgetxattr(fd, "trusted.y", NULL, 0));
	R(fremovexattr(fd, "trusted.y"));
	R(fsetxattr(open("d", O_PATH), "trusted.y", "x", 1, 0));
	R(setxattr("/proc/self/stat", "trusted.y", "x", 1, 0));
	R(getxattr("/proc/self/stat", "trusted.y", NULL, 0));
	R(setxattr("/dev/null", "user.y", "x", 1, 0));
}

static void as_a_user(void)
{
	char buf[8];

	R(setxattr("mine", "trusted.x", "x", 1, 0));
	R(getxattr("mine", "trusted.a", buf, 8));
	names("mine");
	R(removexattr("mine", "trusted.a"));
	R(setxattr("theirs", "trusted.x", "x", 1, 0));
	R(getxattr("hidden", "trusted.a", buf, 8));
	names("hidden");
	R(setxattr("mine", "security.mine", "x", 1, 0));
	R(removexattr("mine", "security.a"));
}

static void users(void)
{
	begin();
	make_file("mine", "x");
	make_file("theirs", "x");
	make_file("hidden", "x");
	chmod("hidden", 0600);
	setxattr("mine", "trusted.a", "a", 1, 0);
	setxattr("mine", "security.a", "a", 1, 0);
	get("mine", "security.a");
	setxattr("theirs", "trusted.a", "a", 1, 0);
	setxattr("hidden", "trusted.a", "a", 1, 0);
	chown("mine", 1000, 1000);
	as_user(1000, as_a_user);
}

/* What a copy of a file's metadata takes along is the copier's business: nothing moves by itself. */
static void changes_of_the_file(void)
{
	begin();
	make_file("f", "x");
	R(setxattr("f", "trusted.a", "stays", 5, 0));
	make_file("f", "written");
	R(truncate("f", 0));
	R(chmod("f", 0600));
	R(chown("f", 1, 1));
	get("f", "trusted.a");
	make_file("g", "x");
	R(rename("g", "f"));
	get("f", "trusted.a");
	mkdir("d", 0755);
	R(setxattr("d", "trusted.a", "dir", 3, 0));
	mkdir("d/e", 0755);
	names("d/e");
}

ABI_MAIN(CASE(values), CASE(lists), CASE(wrong_names), CASE(kinds_of_files), CASE(users),
	 CASE(changes_of_the_file))
