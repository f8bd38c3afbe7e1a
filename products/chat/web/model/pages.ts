// Lists that come in pages.

/** All of a list, page by page: so many at most, or a page more. */
export async function allOf<T>(page: (before?: string) => Promise<{ items: T[]; next: string | null }>, most: number): Promise<T[]> {
  let { items, next } = await page();
  while (next && items.length < most) {
    const more = await page(next);
    [items, next] = [[...items, ...more.items], more.next];
  }
  return items;
}
