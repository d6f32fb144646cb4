/* SPDX-License-Identifier: MIT */
/*
 * JSON by recursive descent, at most DEPTH deep. Strings are decoded where they lie: they never get
 * longer.
 */
#include <string.h>

#include "json.h"

#define DEPTH 64

struct parser {
	char *p; /* what comes next */
	struct json *node; /* the next that is free */
	const char *what;
	int depth;
};

static bool parse_value(struct parser *s, struct json *j);

static bool wrong(struct parser *s, const char *what)
{
	if (!s->what)
		s->what = what;
	return false;
}

static char skip_space(struct parser *s)
{
	s->p += strspn(s->p, " \t\r\n");
	return *s->p;
}

static bool take(struct parser *s, char c, const char *what)
{
	if (skip_space(s) != c)
		return wrong(s, what);
	s->p++;
	return true;
}

/* Four hexadecimal digits at p, or -1. */
static int hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = p[i] ? strchr(digits, p[i] | 0x20) : NULL;

		if (!d || !*d || (p[i] < '0' || (p[i] > '9' && p[i] < 'A')))
			return -1;
		v = v << 4 | (d - digits);
	}
	return v;
}

/* The digits behind "\u", two of which may make one character, as UTF-8 to *out. NUL cannot be in a C string. */
static bool take_unicode(struct parser *s, char **out)
{
	int c = hex4(s->p), low;
	char *o = *out;

	if (c < 0 || !c)
		return wrong(s, c ? "a bad \\u escape" : "a NUL character in a string");
	s->p += 4;
	if (c >= 0xd800 && c < 0xe000) {
		low = c < 0xdc00 && s->p[0] == '\\' && s->p[1] == 'u' ? hex4(s->p + 2) : -1;
		if (low < 0xdc00 || low > 0xdfff)
			return wrong(s, "half a surrogate pair");
		s->p += 6;
		c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
		*o++ = 0xf0 | c >> 18;
		*o++ = 0x80 | (c >> 12 & 0x3f);
		*o++ = 0x80 | (c >> 6 & 0x3f);
	} else if (c >= 0x800) {
		*o++ = 0xe0 | c >> 12;
		*o++ = 0x80 | (c >> 6 & 0x3f);
	} else if (c >= 0x80) {
		*o++ = 0xc0 | c >> 6;
	}
	*o++ = c < 0x80 ? c : 0x80 | (c & 0x3f);
	*out = o;
	return true;
}

static bool parse_string(struct parser *s, const char **text)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char *out, *start;

	if (!take(s, '"', "a string is missing"))
		return false;
	for (out = start = s->p; *s->p != '"';) {
		const char *name;

		if ((unsigned char)*s->p < 0x20)
			return wrong(s, *s->p ? "a control character in a string"
					      : "a string without an end");
		if (*s->p != '\\') {
			*out++ = *s->p++;
			continue;
		}
		name = s->p[1] ? strchr(names, s->p[1]) : NULL;
		if (!name && s->p[1] != 'u')
			return wrong(s, "a bad escape in a string");
		s->p += 2;
		if (name)
			*out++ = values[name - names];
		else if (!take_unicode(s, &out))
			return false;
	}
	s->p++;
	*out = 0;
	*text = start;
	return true;
}

static bool parse_number(struct parser *s, struct json *j)
{
	bool minus = *s->p == '-', whole = true;
	char *p = s->p + minus;
	size_t n = strspn(p, "0123456789");
	uint64_t v = 0;

	if (!n || (*p == '0' && n > 1))
		return wrong(s, "not a value");
	for (size_t i = 0; i < n; i++)
		whole &= !__builtin_mul_overflow(v, 10, &v) &&
			 !__builtin_add_overflow(v, p[i] - '0', &v);
	p += n;
	if (*p == '.') {
		n = strspn(p + 1, "0123456789");
		whole = false;
		p += n + 1;
	}
	if (n && (*p | 0x20) == 'e') {
		p += 1 + (p[1] == '+' || p[1] == '-');
		n = strspn(p, "0123456789");
		whole = false;
		p += n;
	}
	if (!n)
		return wrong(s, "not a number");
	j->type = JSON_NUMBER;
	j->number = minus ? -v : v;
	j->whole = whole && (!minus || v <= 1ULL << 63);
	j->big = !minus && j->number < 0;
	s->p = p;
	return true;
}

static struct json *add(struct parser *s, struct json *j, struct json ***tail)
{
	struct json *member = s->node++;

	*member = (struct json){ .parent = j };
	**tail = member;
	*tail = &member->next;
	return member;
}

/* Of an array or an object, behind its opening bracket. */
static bool parse_members(struct parser *s, struct json *j, char close)
{
	struct json **tail = &j->child, *m;

	if (skip_space(s) == close) {
		s->p++;
		return true;
	}
	for (;;) {
		const char *key = NULL;

		if (close == '}') {
			if (!parse_string(s, &key))
				return false;
			if (json_get(j, key))
				return wrong(s, "a name that is there twice");
			if (!take(s, ':', "':' is missing"))
				return false;
		}
		m = add(s, j, &tail);
		m->key = key;
		if (!parse_value(s, m))
			return false;
		if (skip_space(s) != ',')
			return take(s, close,
				    close == '}' ? "',' or '}' is missing"
						 : "',' or ']' is missing");
		s->p++;
	}
}

static bool parse_word(struct parser *s, struct json *j)
{
	static const struct {
		const char *word;
		enum json_type type;
		int number;
	} words[] = { { "true", JSON_BOOL, 1 },
		      { "false", JSON_BOOL, 0 },
		      { "null", JSON_NULL, 0 } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strncmp(s->p, words[i].word, strlen(words[i].word))) {
			s->p += strlen(words[i].word);
			j->type = words[i].type;
			j->number = words[i].number;
			return true;
		}
	return parse_number(s, j);
}

static bool parse_value(struct parser *s, struct json *j)
{
	char c = skip_space(s);
	bool ok;

	if (c == '"') {
		j->type = JSON_STRING;
		return parse_string(s, &j->text);
	}
	if (c != '{' && c != '[')
		return parse_word(s, j);
	if (++s->depth > DEPTH)
		return wrong(s, "more than 64 levels");
	j->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
	s->p++;
	ok = parse_members(s, j, c == '{' ? '}' : ']');
	s->depth--;
	return ok;
}

size_t json_count(const char *text)
{
	size_t n = 1;

	/* Every value but the root stands behind one of these. */
	for (; *text; text++)
		n += *text == ',' || *text == '[' || *text == '{';
	return n;
}

struct json *json_parse(char *text, struct json *node, size_t *at, const char **what)
{
	struct parser s = { .p = text, .node = node + 1 };

	*node = (struct json){ 0 };
	if (parse_value(&s, node) && skip_space(&s))
		s.what = "something behind the end";
	*at = s.p - text;
	*what = s.what;
	return s.what ? NULL : node;
}

const struct json *json_get(const struct json *j, const char *key)
{
	if (!j || j->type != JSON_OBJECT)
		return NULL;
	for (j = j->child; j; j = j->next)
		if (!strcmp(j->key, key))
			return j;
	return NULL;
}
