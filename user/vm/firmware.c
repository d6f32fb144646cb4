/* SPDX-License-Identifier: MIT */
/*
 * A PC's firmware, SeaBIOS above all (U-Boot and OVMF start, too): it lies in a ROM that ends at 4 GiB, where the CPU begins,
 * with its end in the last 128 KiB below 1 MiB. That memory is RAM at all times; of what the PAM registers of the host bridge
 * (Intel 82441FX data sheet, 3.2.19) say, one thing counts: that a piece may be read and not written. What the
 * machine has, the firmware learns from fw_cfg (QEMU's docs/specs/fw_cfg.rst): items by number, files by
 * name. The ACPI tables are such files; where they are to be, it decides, and a list of commands says what has to be changed in
 * them then (QEMU's table loader, include/hw/acpi/bios-linker-loader.h).
 */
#include "pci.h"

#define ROM_MAX (8U << 20)
#define SHADOW (128U << 10) /* of its end, below 1 MiB, at most */
#define RSDP_SIZE 20
#define RSDP_FILE "etc/acpi/rsdp"
#define TABLES_FILE "etc/acpi/tables"
#define PAM0 0x59 /* of the host bridge */
#define PAM_END 0x60
#define PAM_READ 1 /* of two bits, the other lets write */
#define SHADOWS 0xc0000UL /* what they are about: 12 pieces, and one of four times the size */
#define PIECE 0x4000UL
#define PIECES 13
enum { ABOVE_SLOT = 3, PIECE_SLOT };
#define VENDOR_QEMU                                                                                \
	0x1af4 /* the host bridge's subsystem, by which SeaBIOS knows that there is fw_cfg */
#define SUBSYSTEM_QEMU 0x1100

#define PORT_FW_CFG 0x510 /* 16 bits that select, then a byte of data at a time */
#define NO_ITEM UINT32_MAX
enum { SIGNATURE = 0, ID = 1, CPUS = 5, MAX_CPUS_KEY = 15, FILE_DIR = 0x19, FIRST_FILE = 0x20 };

struct directory_entry {
	uint32_t size; /* big-endian, as the next */
	uint16_t select, reserved;
	char name[56];
};
struct loader_command { /* of 128 bytes */
	uint32_t command;
	char file[56];
	union {
		struct {
			uint32_t alignment;
			uint8_t zone;
		} __attribute__((packed)) allocate;
		struct { /* adds the address of the file `to` */
			char to[56];
			uint32_t at;
			uint8_t size;
		} __attribute__((packed)) pointer;
		struct {
			uint32_t at, start, length;
		} sum;
		uint8_t all[68];
	};
} __attribute__((packed));
enum { LOADER_ALLOCATE = 1, LOADER_POINTER, LOADER_SUM };
enum { ZONE_HIGH = 1, ZONE_FSEG };

static struct item {
	uint16_t key;
	const void *data;
	size_t size;
} items[16];
static unsigned int nr_items;
static struct {
	uint32_t key, at; /* of an item, and of its bytes */
} selected = { .key = NO_ITEM };
static struct {
	uint32_t count; /* big-endian */
	struct directory_entry entry[8];
} directory;
static unsigned int nr_files;

static void add_item(uint16_t key, const void *data, size_t size)
{
	items[nr_items++] = (struct item){ key, data, size };
}

static void add_file(const char *name, const void *data, size_t size)
{
	struct directory_entry *e = &directory.entry[nr_files];

	add_item(FIRST_FILE + nr_files, data, size);
	e->size = __builtin_bswap32(size);
	e->select = __builtin_bswap16(FIRST_FILE + nr_files);
	strcpy(e->name, name);
	directory.count = __builtin_bswap32(++nr_files);
}

static void fw_cfg_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			  unsigned int size)
{
	static const struct item *item = items; /* the last one that was read */
	uint8_t *v = data;

	if (reg && in) { /* zeros behind the end */
		for (unsigned int i = 0; i < nr_items && item->key != selected.key; i++)
			item = &items[i];
		*v = item->key == selected.key && selected.at < item->size
			     ? ((const uint8_t *)item->data)[selected.at]
			     : 0;
		selected.at++;
	} else if (!reg && !in && size == 2) {
		selected.key = v[0] | v[1] << 8;
		selected.at = 0;
	}
}

/*
 * A ROM that can be booted (BIOS Boot Specification 1.01, 3.3 and appendix A): its entry, 0x40, is out %al, $PORT_HANDOFF,
 * then hlt and a jump back. Nothing to initialize: lret.
 */
static void add_handoff_rom(void)
{
	static uint8_t rom[512] = {
		0x55, 0xaa, 1,   0xcb, [0x1a] = 0x20, [0x20] = '$',  'P',
		'n',  'P',  1,   2,    [0x3a] = 0x40, [0x40] = 0xe6, PORT_HANDOFF,
		0xf4, 0xeb, 0xfd
	};
	static const char first[] = "/rom@genroms/kernel.rom\n";

	rom[sizeof(rom) - 1] = 0;
	for (unsigned int i = 0; i < sizeof(rom) - 1; i++)
		rom[sizeof(rom) - 1] -= rom[i];
	add_file("genroms/kernel.rom", rom, sizeof(rom));
	add_file("bootorder", first, sizeof(first));
}

bool firmware_has_floppy(uint64_t size)
{
	static const uint16_t kib[] = { 160, 180, 320, 360, 720, 1200, 1440, 2880 };

	for (unsigned int i = 0; i < LENGTH(kib); i++)
		if (size == kib[i] * 1024UL)
			return true;
	return false;
}

/* SeaBIOS has it in memory, where what is written there stays. */
static void add_floppy(struct machine *m)
{
	static struct file f;

	file_map(&f, m->floppy);
	if (!firmware_has_floppy(f.size))
		die(STATUS_FAILED, "%s: %zu bytes, which no floppy disk has", f.path, f.size);
	add_file("floppyimg/floppy", f.data, f.size);
}

/* The screen's own firmware is in the file vgabios.bin beside the other, or there is no screen. */
static void add_vga_rom(struct machine *m)
{
	const char *slash = strrchr(m->firmware, '/');
	static struct file rom;
	char path[256];

	if (!join(path, sizeof(path), slash ? copy_text(m->firmware, slash - m->firmware) : ".",
		  "/vgabios.bin", NULL) ||
	    access(path, R_OK) < 0)
		return;
	m->card = true;
	m->vga |= !m->handoff; /* a kernel's console is COM1 */
	file_map(&rom, copy_text(path, strlen(path)));
	add_file("vgaroms/vgabios.bin", rom.data, rom.size);
}

static uint32_t word_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Built at 0, the tables have offsets where they will have addresses. */
static void add_acpi(struct machine *m)
{
	struct low l = { .m = m, .end = HIGH_MEMORY };
	const uint32_t rsdp = acpi_tables(&l), rsdt = word_at(m->ram + rsdp + 16);
	const uint32_t fadt = word_at(m->ram + rsdt + 36);
	const struct loader_command commands[] = {
		{ LOADER_ALLOCATE, RSDP_FILE, .allocate = { 16, ZONE_FSEG } },
		{ LOADER_ALLOCATE, TABLES_FILE, .allocate = { 16, ZONE_HIGH } },
		{ LOADER_POINTER, TABLES_FILE, .pointer = { TABLES_FILE, fadt + 40, 4 } },
		{ LOADER_SUM, TABLES_FILE, .sum = { fadt + 9, fadt, word_at(m->ram + fadt + 4) } },
		{ LOADER_POINTER, TABLES_FILE, .pointer = { TABLES_FILE, rsdt + 36, 4 } },
		{ LOADER_POINTER, TABLES_FILE, .pointer = { TABLES_FILE, rsdt + 40, 4 } },
		{ LOADER_SUM, TABLES_FILE, .sum = { rsdt + 9, rsdt, word_at(m->ram + rsdt + 4) } },
		{ LOADER_POINTER, RSDP_FILE, .pointer = { TABLES_FILE, 16, 4 } },
		{ LOADER_SUM, RSDP_FILE, .sum = { 8, 0, RSDP_SIZE } },
	};
	uint8_t *t = memcpy(allocate(l.at), m->ram, l.at);

	memset(m->ram, 0, l.at);
	t[rsdp + 8] = t[rsdt + 9] = t[fadt + 9] = 0; /* the sums */
	add_file(RSDP_FILE, t, RSDP_SIZE);
	add_file(TABLES_FILE, t, l.at);
	add_file("etc/table-loader", memcpy(allocate(sizeof(commands)), commands, sizeof(commands)),
		 sizeof(commands));
}

void firmware_choose(struct machine *m, const char *who)
{
	static const char *const places[] = { "/lib/dyad/bios.bin", "/usr/share/seabios/bios.bin",
					      "/usr/share/qemu/bios.bin" };

	m->firmware = getenv("DYAD_FIRMWARE");
	for (size_t i = 0; i < LENGTH(places) && !m->firmware; i++)
		if (!access(places[i], R_OK))
			m->firmware = places[i];
	if (!m->firmware)
		die(STATUS_FAILED,
		    "%s needs a PC's firmware: install seabios, or name its file in DYAD_FIRMWARE",
		    who);
}

void firmware_load(struct machine *m)
{
	static const uint32_t id = 1; /* no DMA */
	static const uint64_t none;
	static uint16_t cpus;
	struct file *rom = &m->rom;
	size_t shadow;

	file_map(rom, m->firmware);
	file_keep(rom->path, rom->fd);
	if (rom->size > ROM_MAX || rom->size % (64U << 10))
		die(STATUS_FAILED, "%s: %zu bytes, firmware has 64 KiB to 8 MiB", rom->path,
		    rom->size);
	shadow = rom->size < SHADOW ? rom->size : SHADOW;
	memcpy(m->ram + HIGH_MEMORY - shadow, rom->data + rom->size - shadow, shadow);
	part_add("firmware, copied", rom->path, HIGH_MEMORY - shadow, HIGH_MEMORY);
	cpus = m->cpus;
	add_item(SIGNATURE, "QEMU", 4);
	add_item(ID, &id, sizeof(id));
	add_item(CPUS, &cpus, sizeof(cpus));
	add_item(MAX_CPUS_KEY, &cpus, sizeof(cpus));
	add_item(FILE_DIR, &directory, sizeof(directory));
	add_file("etc/show-boot-menu", &none, sizeof(none));
	add_vga_rom(m);
	add_acpi(m);
	if (m->floppy)
		add_floppy(m);
	if (m->handoff)
		add_handoff_rom();
	else if (m->boots)
		add_file("bootorder", m->boots, strlen(m->boots) + 1);
	m->mode = ENTER_RESET;
}

/* Half a register each; the last piece, the BIOS's own, is in the first register. */
static void set_pam(struct machine *m, struct pci_function *bridge)
{
	static enum { UNKNOWN, OPEN, LOCKED } state[PIECES];

	for (unsigned int i = 0; i < PIECES; i++) {
		unsigned int half = i < PIECES - 1 ? i + 2 : 1;
		uint8_t bits = bridge->config[PAM0 + half / 2] >> 4 * (half % 2);
		uint64_t at = SHADOWS + i * PIECE, size = i < PIECES - 1 ? PIECE : 4 * PIECE;
		unsigned int now = (bits & 3) == PAM_READ ? LOCKED : OPEN;

		if (now == state[i])
			continue;
		if (state[i] != UNKNOWN)
			memory_slot(m, PIECE_SLOT + i, at, m->ram + at, 0, 0);
		memory_slot(m, PIECE_SLOT + i, at, m->ram + at, size,
			    now == LOCKED ? KVM_MEM_READONLY : 0);
		state[i] = now;
	}
}

void firmware_init(struct machine *m)
{
	struct pci_function *bridge;

	if (!m->firmware)
		return;
	bus_add_ports(m, "fw_cfg", PORT_FW_CFG, 2, 0, fw_cfg_access, NULL);
	snapshot_keep(.id = "fwcfg", .data = &selected, .size = sizeof(selected));
	bridge = pci_init(m);
	ide_init(m); /* U-Boot waits minutes for the drives of one that is not there */
	pci_set(bridge, PCI_SUBSYSTEM_VENDOR_ID, 2, VENDOR_QEMU);
	pci_set(bridge, PCI_SUBSYSTEM_ID, 2, SUBSYSTEM_QEMU);
	memset(bridge->writable + PAM0, 0xff, PAM_END - PAM0);
	bridge->written = set_pam;
	memory_slot(m, 0, 0, m->ram, 0, 0); /* all of the RAM: there is a hole in it now */
	memory_slot(m, 0, 0, m->ram, SHADOWS, 0);
	memory_slot(m, ABOVE_SLOT, HIGH_MEMORY, m->ram + HIGH_MEMORY, m->ram_size - HIGH_MEMORY, 0);
	set_pam(m, bridge);
}
