/* SPDX-License-Identifier: MIT */
/*
 * The pages of a file, by index. Each frame in the tree has one reference for that; user mappings
 * and copies under way have their own. The same frames are what read(2) copies from and what mmap(2)
 * shows. A frame may be in a second mapping that shows it as it is (a file system on an image in
 * memory or on a device): frame->mapping is the first one.
 *
 * A page of a device is in the tree while it is being read, and busy: mapping_find() waits for it.
 *
 * mapping->lock guards the tree and the list of areas. Removal goes: out of the tree, out of every
 * page table (mapping_unmap), last references. A fault that found the page just before holds
 * mm->lock until it has mapped it, and mapping_unmap() waits for that lock.
 */
#include "mm/internal.h"

#define BATCH 32
#define SCAN_MAX 1024

static struct waitq read_wait = WAITQ_INIT(read_wait); /* for frames that are busy */

void mapping_init(struct mapping *m, const struct mapping_ops *ops, void *owner)
{
	memset(m, 0, sizeof(*m));
	spin_init(&m->lock);
	m->ops = ops;
	m->owner = owner;
	list_init(&m->vmas);
}

/* n pages more are in m's tree; its lock is held. */
static void count_pages(struct mapping *m, s64 n)
{
	m->nr_pages += n;
	if (!m->ops)
		__atomic_fetch_add(&shmem_pages, n, __ATOMIC_RELAXED);
	else if (m->ops->write_pages)
		__atomic_fetch_add(&device_pages, n, __ATOMIC_RELAXED);
}

void mapping_forget(struct mapping *m, u64 index, struct frame *f)
{
	radix_erase(&m->pages, index);
	count_pages(m, -1);
	if (f->mapping == m)
		f->mapping = NULL;
}

bool frame_wait(struct frame *f)
{
	wait_event_uninterruptible(&read_wait, !(READ_ONCE(f->state) & FRAME_BUSY));
	return !(READ_ONCE(f->state) & FRAME_FAILED);
}

struct frame *mapping_find(struct mapping *m, u64 index)
{
	struct frame *f;

	for (;;) {
		spin_lock(&m->lock);
		f = radix_get(&m->pages, index);
		if (f)
			frame_get(f);
		spin_unlock(&m->lock);
		if (!f)
			return f;
		if (likely(!(READ_ONCE(f->state) & FRAME_BUSY)) || frame_wait(f))
			break;
		frame_put(f); /* it has left the tree */
	}
	if (m->reclaim && !(READ_ONCE(f->state) & FRAME_USED))
		__atomic_fetch_or(&f->state, FRAME_USED, __ATOMIC_RELAXED);
	return f;
}

/* Puts f in, or finds who came first. Returns the page with a reference; f's goes to the tree. */
static struct frame *insert(struct mapping *m, u64 index, struct frame *f)
{
	struct frame *first;
	int err = 0;

	spin_lock(&m->lock);
	first = radix_get(&m->pages, index);
	if (!first) {
		err = radix_insert(&m->pages, index, f);
		if (!err) {
			count_pages(m, 1);
			if (f->kind == FRAME_CACHE && !f->mapping) {
				f->mapping = m;
				f->index = index;
			}
			first = f;
			f = NULL;
		}
	}
	if (!err)
		frame_get(first);
	spin_unlock(&m->lock);
	if (f)
		frame_put(f);
	return err ? ERR_PTR(err) : first;
}

static struct res_counter *payer(const struct mapping *m)
{
	return m->charge ? m->charge : current_thread()->mem_charge;
}

struct frame *mapping_get(struct mapping *m, u64 index, bool create)
{
	struct frame *f = mapping_find(m, index);

	if (likely(f))
		return f;
	if (m->ops && m->ops->read_page) {
		f = m->ops->read_page(m, index);
		if (IS_ERR(f))
			return f;
		/* A fresh frame is ours to pay for, a shared one is not. */
		if (f->kind == FRAME_CACHE && !f->mapping && !f->charge &&
		    !frame_charge(f, payer(m))) {
			frame_put(f);
			return ERR_PTR(-ENOMEM);
		}
	} else {
		if (!create)
			return NULL;
		f = frame_alloc_charged(FRAME_CACHE, payer(m), true);
		if (!f)
			return ERR_PTR(-ENOMEM);
		f->state = FRAME_SHMEM;
	}
	return insert(m, index, f);
}

int mapping_begin_read(struct mapping *m, u64 index, unsigned int n, struct frame **out)
{
	unsigned int got = 0;
	int err = 0;

	while (got < n) {
		struct frame *f;

		/* Nobody is ended for pages that may never be asked for. */
		if (got)
			f = frames_low() ? NULL : frame_alloc(0, FRAME_CACHE);
		else
			f = frame_alloc_charged(FRAME_CACHE, payer(m), false);

		err = f ? 0 : -ENOMEM;
		if (f && got && payer(m)) {
			if (!res_charge(payer(m), PAGE_SIZE))
				f->charge = payer(m);
			else
				err = -ENOMEM;
		}
		spin_lock(&m->lock);
		err = err ?: radix_insert(&m->pages, index + got, f);
		if (!err) {
			count_pages(m, 1);
			f->mapping = m;
			f->index = index + got;
			f->state = FRAME_BUSY | FRAME_USED;
			frame_get(f);
			out[got++] = f;
		}
		spin_unlock(&m->lock);
		if (!err)
			continue;
		if (f)
			frame_put(f);
		break;
	}
	return got || err == -EEXIST ? (int)got : err;
}

void mapping_end_read(struct mapping *m, struct frame **pages, unsigned int n, bool ok)
{
	spin_lock(&m->lock);
	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = pages[i];

		if (!ok && f->mapping == m) {
			mapping_forget(m, f->index, f);
			frame_put(f); /* the tree's */
		}
		WRITE_ONCE(f->state, ok ? FRAME_USED : FRAME_FAILED);
	}
	spin_unlock(&m->lock);
	waitq_wake_all(&read_wait, 0);
	for (unsigned int i = 0; i < n; i++)
		frame_put(pages[i]);
}

unsigned int mapping_take_dirty(struct mapping *m, u64 *index, unsigned int n, struct frame **out)
{
	/* What can be written without our knowing is dirty again at once. */
	bool stays = mapping_writable(m);
	unsigned int got = 0, seen = 0;
	struct frame *f;
	u64 at = *index;

	spin_lock(&m->lock);
	while (got < n && (f = radix_next(&m->pages, &at)) && (!got || at == *index + got)) {
		if (f->dirty) {
			if (!got)
				*index = at;
			f->dirty = stays;
			frame_get(f);
			out[got++] = f;
		} else if (got) {
			break;
		}
		at++;
		if (++seen % SCAN_MAX == 0 && !got) { /* interrupts are off meanwhile */
			spin_unlock(&m->lock);
			spin_lock(&m->lock);
		}
	}
	spin_unlock(&m->lock);
	return got;
}

int mapping_adopt(struct mapping *m, u64 index, struct frame *f)
{
	int err;

	spin_lock(&m->lock);
	err = radix_insert(&m->pages, index, f);
	if (!err) {
		count_pages(m, 1);
		frame_set_kind(f, FRAME_CACHE);
		f->mapping = m;
		f->index = index;
	}
	spin_unlock(&m->lock);
	return err;
}

/* Takes up to BATCH pages of [*index, end) out of the tree. */
static unsigned int take_out(struct mapping *m, u64 *index, u64 end, struct frame **out)
{
	unsigned int n = 0;
	struct frame *f;

	spin_lock(&m->lock);
	while (n < BATCH && (f = radix_next(&m->pages, index)) && *index < end) {
		mapping_forget(m, *index, f);
		out[n++] = f;
	}
	spin_unlock(&m->lock);
	return n;
}

void mapping_punch(struct mapping *m, u64 index, u64 pages)
{
	struct frame *out[BATCH];
	u64 from = index;
	unsigned int n, i;

	while ((n = take_out(m, &from, index + pages, out)))
		for (i = 0; i < n; i++)
			frame_put(out[i]);
	mapping_unmap(m, index, pages, pages == ~0UL - index);
}

void mapping_truncate(struct mapping *m, u64 index)
{
	mapping_punch(m, index, ~0UL - index);
}

void mapping_free(struct mapping *m)
{
	if (m->reclaim)
		mapping_end_reclaim(m);
	if (m->pages.root)
		mapping_truncate(m, 0);
}

/* ---- the areas that show it ---- */

static struct mutex unmap_mutex = MUTEX_INIT(unmap_mutex); /* one pass at a time; guards pass */
static u64 pass = 1;

/*
 * Which areas a pass has still to visit: those whose unmap_pass is older. A new area cannot hold pages
 * that left the tree before the pass began, so it counts as visited; a copy (fork, split) is as its
 * original, because the mark is set with mm->lock held, after the zapping.
 */
void mapping_attach(struct mapping *m, struct vma *vma)
{
	spin_lock(&m->lock);
	vma->mapping = m;
	if (!vma->unmap_pass)
		vma->unmap_pass = READ_ONCE(pass);
	list_add_tail(&vma->map_link, &m->vmas);
	m->nr_vmas++;
	spin_unlock(&m->lock);
}

void mapping_detach(struct mapping *m, struct vma *vma)
{
	spin_lock(&m->lock);
	vma->mapping = NULL;
	list_del(&vma->map_link);
	m->nr_vmas--;
	spin_unlock(&m->lock);
}

bool mapping_writable(struct mapping *m)
{
	const u32 both = VM_SHARED | VM_MAYWRITE;
	struct vma *vma;
	bool found = __atomic_load_n(&m->coming, __ATOMIC_SEQ_CST) != 0;

	spin_lock(&m->lock);
	list_for_each(vma, &m->vmas, map_link)
		found |= (vma->flags & both) == both;
	spin_unlock(&m->lock);
	return found;
}

/* The space of the first area that this pass must visit, with a reference. Visited ones go to done. */
static struct mm *next_space(struct mapping *m, struct list_head *done)
{
	struct vma *vma, *next;
	struct mm *mm = NULL;

	spin_lock(&m->lock);
	list_for_each_safe(vma, next, &m->vmas, map_link) {
		if (vma->unmap_pass != pass && !READ_ONCE(vma->unlinked)) {
			mm = vma->mm;
			mm_get(mm);
			break;
		}
		list_move_tail(&vma->map_link, done);
	}
	spin_unlock(&m->lock);
	return mm;
}

/* Takes the file's own pages out of [start, end), and private copies of them if those go as well. */
static void zap_area(struct vma *vma, u64 start, u64 end, bool copies)
{
	struct pt_iter it = PT_ITER(vma->mm, start, end);
	pte_t *pte;

	if (copies || !vma->has_anon) {
		pt_zap(vma->mm, start, end, 0, 0);
		return;
	}
	while ((pte = pt_next(&it)))
		if (pte_frame(*pte) && pte_frame(*pte)->kind != FRAME_ANON)
			pt_zap(vma->mm, it.addr, it.addr + PAGE_SIZE, 0, 0);
}

static void unmap_in(struct mm *mm, struct mapping *m, u64 index, u64 n, bool copies)
{
	struct vma *vma;

	mutex_lock(&mm->lock);
	for (vma = mm_first_vma(mm); vma; vma = vma_next(vma)) {
		u64 pages = (vma->end - vma->start) >> PAGE_SHIFT;
		u64 from = max(vma->pgoff, index), to = vma->pgoff + pages;

		if (vma->mapping != m)
			continue;
		if (n < ~0UL - index)
			to = min(to, index + n);
		if (from < to)
			zap_area(vma, vma->start + ((from - vma->pgoff) << PAGE_SHIFT),
				 vma->start + ((to - vma->pgoff) << PAGE_SHIFT), copies);
		vma->unmap_pass = pass;
	}
	mutex_unlock(&mm->lock);
}

void mapping_unmap(struct mapping *m, u64 index, u64 n, bool copies)
{
	struct list_head done = LIST_INIT(done);
	struct mm *mm;

	if (!READ_ONCE(m->nr_vmas))
		return;
	mutex_lock(&unmap_mutex);
	WRITE_ONCE(pass, pass + 1);
	while ((mm = next_space(m, &done))) {
		unmap_in(mm, m, index, n, copies);
		mm_put(mm);
	}
	spin_lock(&m->lock);
	list_splice_tail(&done, &m->vmas);
	spin_unlock(&m->lock);
	mutex_unlock(&unmap_mutex);
}
