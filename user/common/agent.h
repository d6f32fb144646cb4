/* SPDX-License-Identifier: MIT */
/*
 * Running commands inside a virtual machine for who asks outside. The monitor (vm/agent.c) and the agent, a
 * child of the machine's init (agent.c), talk by a serial port in frames: a channel, a letter (the
 * PACKET_ ones of life.h, and those here), two bytes of length, lowest first, and as many bytes.
 *
 * A channel is one command. Neither side sends a second frame by a channel before the first was TAKEN: what is on
 * its way is bounded, and nobody waits for a command that does not read. Nobody says that of TAKEN itself and HANG_UP,
 * nor of STARTED and EXIT, which are the first and the last words on a command.
 * Between frames to the agent there may be bytes AGENT_FILL, which mean nothing.
 * Init begins with HELLO; the first byte that comes then makes it start the agent.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define AGENT_CHANNELS 12
#define AGENT_MACHINE 0 /* not a command: the machine itself */
#define AGENT_MAIN 1 /* the command that the machine was started for */
#define AGENT_FIRST 2 /* of the others */
#define AGENT_FILL 0xff /* no channel */
#define AGENT_HEAD 4 /* bytes of a frame before its data */
#define AGENT_PIECE 256 /* bytes of data at most, to the agent: all channels' fit into a tty */
#define AGENT_REPLY 1024 /* and from it */
#define AGENT_WORDS 131072 /* bytes of a command at most */
enum {
	AGENT_TAKEN = 't',
	/* to the agent */
	/* a piece of what init's config says, an empty word, the command's words */
	AGENT_COMMAND = 'c',
	AGENT_START = 'g', /* starts it: a byte of flags, struct winsize, the last piece of that */
	AGENT_HANG_UP = 'h', /* nobody hears it any more */
	AGENT_STOP = 'q', /* the machine is to end */
	/* from the agent, besides STARTED, OUTPUT, ERRORS, EXIT */
	AGENT_HELLO = 'H',
};
/* flags; without any, it is not waited for */
enum { AGENT_TERMINAL = 1, AGENT_INPUT = 2, AGENT_OUTPUT = 4 };

/* A command that is known from the beginning; its exit status is the agent's. */
struct agent_main {
	char **config, **words;
	int flags;
	struct winsize size;
};
/* Serves the line for ever; main or NULL. become() makes a child the command, and does not return. */
void agent_run(int line, const struct agent_main *main, void (*become)(char **config, char **words))
	__attribute__((noreturn));
void agent_hello(int line);
/* In a child: who is told, by a byte, of a program that could not be started; or -1. */
extern int agent_failure;
/* In a child that become() is in: it is no command after all. */
void agent_give_up(int status) __attribute__((noreturn));
