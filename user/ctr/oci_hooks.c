/* SPDX-License-Identifier: MIT */
/*
 * What a bundle's container does besides what all do: its hooks, and the talk of its first process with
 * its parent, over b->sync: a byte each way at every step.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <sched.h>

#include "oci.h"

void print_state(const struct bundle *b)
{
	print("{\n  \"ociVersion\": \"1.1.0\",\n  \"id\": \"%s\",\n  \"status\": \"%s\",\n"
	      "  \"pid\": %d,\n  ",
	      b->id, b->status, b->pid);
	json_text("bundle", b->dir);
	print(",\n  \"annotations\": {");
	for_each_in(a, b->config, "annotations") {
		print("\n    ");
		json_text(a->key, a->text);
		print(a->next ? "," : "\n  ");
	}
	print("}\n}\n");
}

/* One hook's process, its stdin the state; its wait status, or -1 when its time is over. */
static int run_hook(const struct json *hook, int input)
{
	int64_t seconds = number_at(hook, "timeout", 0);
	char **argv = texts_at(hook, "args"), **envp = texts_at(hook, "env");
	const char *path = text_at(hook, "path", "");
	char *only[] = { (char *)path, NULL }, *nothing[] = { NULL };
	struct pollfd p = { .events = POLLIN };
	pid_t pid = _Fork();
	int status = -1;

	if (!pid) {
		lseek(input, 0, SEEK_SET);
		dup2(input, 0);
		execve(path, argv && *argv ? argv : only, envp ? envp : nothing);
		_exit(127);
	}
	if (pid > 0 && seconds > 0) {
		p.fd = syscall(SYS_pidfd_open, pid, 0);
		if (p.fd >= 0 && poll(&p, 1, seconds < 1000000 ? seconds * 1000 : -1) == 0) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			status = -1;
			pid = -1;
		}
		close(p.fd);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status;
}

int run_hooks(const struct bundle *b, const char *kind)
{
	int input = memfd_create("state", MFD_CLOEXEC), result = 0;
	char path[32];

	format(path, sizeof(path), "hooks.%s", kind);
	if (input < 0)
		die(STATUS_FAILED, "hooks: %s", strerror(errno));
	print_to(input);
	print_state(b);
	print_to(1);
	for_each_in(hook, b->config, path) {
		int ended = run_hook(hook, input);

		if (!ended)
			continue;
		warn("hook %s %s: %s %d", kind, text_at(hook, "path", ""),
		     ended < 0 ? "took too long:" : "status",
		     ended < 0 ? (int)number_at(hook, "timeout", 0) : exit_status_of(ended));
		result = STATUS_FAILED;
		if (strncmp(kind, "post", 4))
			break;
	}
	close(input);
	return result;
}

/* ---- the first process ---- */

int bundle_enter(const struct container *c)
{
	struct bundle *b = c->bundle;
	char adj[16];
	int64_t score = number_at(b->config, "process.oomScoreAdj", 0);

	close(b->child); /* else a parent that gives up would not be seen */
	if (read(b->sync, &b->pid, sizeof(b->pid)) != sizeof(b->pid))
		return STATUS_FAILED;
	format(adj, sizeof(adj), "%d", (int)score);
	if (score && write_small(AT_FDCWD, "/proc/self/oom_score_adj", adj) < 0)
		return failed("set process.oomScoreAdj", adj);
	if (c->namespaces & CLONE_NEWUSER && become_root() < 0)
		return failed("become root of the user namespace", "");
	return 0;
}

int bundle_step(const struct container *c)
{
	char byte = 1;

	return write(c->bundle->sync, &byte, 1) == 1 && read(c->bundle->sync, &byte, 1) == 1
		       ? 0
		       : STATUS_FAILED;
}

int bundle_wait(const struct container *c)
{
	struct bundle *b = c->bundle;
	char byte;

	if (bundle_step(c))
		return STATUS_FAILED;
	close(b->sync);
	if (read(b->gate, &byte, 1) != 1)
		return STATUS_FAILED;
	b->status = "created";
	return run_hooks(b, "startContainer");
}
