/* SPDX-License-Identifier: MIT */
/* The same rows three times: for people, for programs, for spreadsheets. */
#include <stdio.h>
#include <string.h>

#include "compare.h"

/* Digits behind the point that a unit deserves. */
static int decimals(const char *unit)
{
	return !strcmp(unit, "ms") ? 2 : 0;
}

static bool ratio_of(const struct row *row, double *ratio)
{
	if (row->value[CONTAINER] <= 0 || row->value[VM] < 0)
		return false;
	*ratio = row->value[VM] / row->value[CONTAINER];
	return true;
}

/* 1234567.5 -> "1,234,567.50", right-aligned in width columns. */
static void print_grouped(double value, int places, int width)
{
	char plain[64], out[96];
	size_t n = 0, whole;

	if (value < 0) {
		printf("%*s", width, "-");
		return;
	}
	snprintf(plain, sizeof(plain), "%.*f", places, value);
	whole = strcspn(plain, ".");
	for (size_t i = 0; plain[i]; i++) {
		if (i && i < whole && (whole - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = plain[i];
	}
	out[n] = '\0';
	printf("%*s", width, out);
}

void report_table(const struct report *r)
{
	const struct machine *m = &r->machine;
	double ratio;

	printf("\n%s as a container and as a virtual machine%s%s\n", r->image,
	       r->other_kernel ? " with " : "", r->other_kernel ? r->kernel : "");
	printf("%s on %s, engine %s; times in %s; %d runs each, one before them not counted\n\n",
	       m->kernel, m->cpu, m->engine,
	       m->real_clock ? "ms" : "ticks (this engine's clock is not real)", r->runs);
	printf("  %-38s %14s %14s %12s\n", "", "container", "VM", "VM/container");
	for (size_t i = 0; i < r->nr_rows; i++) {
		const struct row *row = &r->rows[i];
		char label[64];

		if (i && strcmp(row->unit, row[-1].unit)) /* another kind of figure */
			putchar('\n');
		snprintf(label, sizeof(label), "%s, %s", row->label, row->unit);
		printf("  %-38s ", label);
		print_grouped(row->value[CONTAINER], decimals(row->unit), 14);
		putchar(' ');
		print_grouped(row->value[VM], decimals(row->unit), 14);
		if (ratio_of(row, &ratio))
			printf(" %12.2f\n", ratio);
		else
			printf(" %12s\n", "-");
	}
	putchar('\n');
	if (r->note)
		printf("  %s\n\n", r->note);
	if (r->missing)
		printf("  No VM column: %s\n\n", r->missing);
}

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void json_member(const char *key, const char *value)
{
	printf("  \"%s\": ", key);
	if (value)
		json_string(value);
	else
		printf("null");
	printf(",\n");
}

static void json_number(const char *key, double value, int places, bool known)
{
	if (known)
		printf(", \"%s\": %.*f", key, places, value);
	else
		printf(", \"%s\": null", key);
}

void report_json(const struct report *r)
{
	double ratio = 0;

	printf("{\n");
	json_member("image", r->image);
	json_member("vm_kernel", r->kernel);
	json_member("kernel", r->machine.kernel);
	json_member("engine", r->machine.engine);
	json_member("cpu", r->machine.cpu);
	json_member("time_unit", r->machine.real_clock ? "ms" : "ticks");
	printf("  \"runs\": %d,\n", r->runs);
	json_member("vm_missing", r->missing);
	json_member("note", r->note);
	printf("  \"rows\": [\n");
	for (size_t i = 0; i < r->nr_rows; i++) {
		const struct row *row = &r->rows[i];
		int places = decimals(row->unit) ? 6 : 0;
		bool known = ratio_of(row, &ratio);

		printf("    {\"key\": \"%s\", \"label\": \"%s\", \"unit\": \"%s\"", row->key,
		       row->label, row->unit);
		json_number("container", row->value[CONTAINER], places, row->value[CONTAINER] >= 0);
		json_number("vm", row->value[VM], places, row->value[VM] >= 0);
		json_number("ratio", ratio, 4, known);
		printf("}%s\n", i + 1 < r->nr_rows ? "," : "");
	}
	printf("  ]\n}\n");
}

static void csv_number(double value, int places, bool known)
{
	putchar(',');
	if (known)
		printf("%.*f", places, value);
}

/* A quoted field; a quote inside is doubled. */
static void csv_text(const char *s)
{
	putchar('"');
	for (; *s; s++)
		printf(*s == '"' ? "\"\"" : "%c", *s);
	printf("\",");
}

void report_csv(const struct report *r)
{
	double ratio = 0;

	printf("image,engine,cpu,runs,key,unit,container,vm,ratio\n");
	for (size_t i = 0; i < r->nr_rows; i++) {
		const struct row *row = &r->rows[i];
		int places = decimals(row->unit) ? 6 : 0;
		bool known = ratio_of(row, &ratio);

		csv_text(r->image);
		csv_text(r->machine.engine);
		csv_text(r->machine.cpu);
		printf("%d,%s,%s", r->runs, row->key, row->unit);
		csv_number(row->value[CONTAINER], places, row->value[CONTAINER] >= 0);
		csv_number(row->value[VM], places, row->value[VM] >= 0);
		csv_number(ratio, 4, known);
		putchar('\n');
	}
}
