/** What the core exports and how it lays out shared memory. Emitted by the build from core/ (tools/make/face.ts). */

/** Exported functions. Addresses and sizes are u32: a result that is an address needs `>>> 0`. */
export interface Core {
  /**
   * Zeroed memory.
   * @returns an 8-byte aligned address, or a positive errno below 65536: ENOMEM, ETIMEDOUT (cpu/wait.ts)
   */
  allocateBytes(bytes: number): number;
  /** Bytes owned now, by maps that share the allocator's account as well. */
  allocatorBytes(allocator: number): number;
  /** Objects that a map's allocator (descriptor field `elements` or `values`) has from the slab. */
  allocatorOwned(set: number): number;
  /**
   * Allocates pages of zeroes, side by side. Any context.
   * @param from the first of them, or ARENA_NOWHERE: the first that are free
   * @returns the first; ARENA_NOWHERE: there are no such pages free, memory is out, or it is no arena map
   */
  arenaAllocatePages(address: number, from: number, count: number): number;
  /**
   * Where `bytes` bytes lie, 1 to 8 or a part of a page, in one piece. Any context.
   * @returns 0: a page of them is not there, or they lie in two runs
   */
  arenaAt(address: number, pointer: number, offset: number, bytes: number): number;
  /**
   * Formats the memory, which never grows: 65535 pages of 64 KiB at most. Call once, before any other thread has it.
   * The publication of the magic pairs with checkArena of whoever attaches: everything behind the superblock is there.
   * @param cpus CPU slots
   * @param seed of the CPUs' random numbers
   * @returns 0, EINVAL or ENOMEM (positive)
   */
  arenaFormat(cpus: number, seed: number): number;
  /** Frees pages. Any context; those that are free stay so, and those that there are not are left out. */
  arenaFreePages(address: number, page: number, count: number): void;
  /** What lies there, unsigned, of 1 to 8 bytes; 0 where a page of them is not there. Any context. */
  arenaLoad(address: number, pointer: number, offset: number, bytes: number): bigint;
  /** The first page from `page` on that is there; max_entries: none. Pairs with nothing: it is old at once. */
  arenaNextPage(address: number, page: number): number;
  /**
   * Keeps pages from being allocated: they are free no longer, and not there. Any context.
   * @returns 0, -EINVAL (no arena map, or there are no such pages), -EBUSY (one of them is not free)
   */
  arenaReservePages(address: number, page: number, count: number): number;
  /** How many runs of the shared memory the map has. */
  arenaRunCount(address: number): number;
  /** Puts the lowest 1 to 8 bytes of a number there; nothing, where a page of them is not there. Any context. */
  arenaStore(address: number, pointer: number, offset: number, bytes: number, value: bigint): void;
  /**
   * Has a page be there, as when user space touches it in Linux. Any context. The loads pair with the claim of whoever brings it.
   * @returns false: there is no such page, it is reserved or about to be allocated, or memory is out
   */
  arenaTouchPage(address: number, page: number): number;
  /**
   * As hashChange, of an array's value: no lock, no wait. Beyond the end nothing is as expected (-ENOENT), or can be created (-E2BIG).
   * The claim pairs with every other change of the word, and with copyOutWords.
   */
  arrayChange(address: number, key: number, offset: number, change: number, room: number): number;
  /** An array's entries cannot be deleted. */
  arrayDelete(address: number, key: number): number;
  /** Copies a value out: 0, or -ENOENT beyond the end. `into` is 8-byte aligned. */
  arrayGet(address: number, key: number, into: number): number;
  /** As arrayGet, under the value's lock: 0, -EINVAL (values have none), -ENOENT, -EBUSY, -ETIMEDOUT or -EDEADLK. */
  arrayGetLocked(address: number, key: number, into: number): number;
  /** The value at a u32 index, 0 beyond the end. */
  arrayLookup(address: number, key: number): number;
  /**
   * The key that comes after `key` in the order of the index; after 0 (none) and after one that is not below the end the first.
   * @returns 0, or -ENOENT behind the last
   */
  arrayNextKey(address: number, key: number, into: number): number;
  /** Empties an entry: 0, -E2BIG (no such index) or -ENOENT. The exchange pairs with arrayOfMapsLookup. */
  arrayOfMapsDelete(address: number, key: number): number;
  arrayOfMapsGet(address: number, key: number, into: number): number;
  /** A program's lookup: the address of the map in an entry, 0 for none. Pairs with the updates: the map is whole. */
  arrayOfMapsLookup(address: number, key: number): number;
  /**
   * Puts a map into an entry. Task context.
   * The exchange pairs with arrayOfMapsLookup.
   * @param value of a word with the map's address, 0 for a descriptor that is none
   * @returns 0, -EINVAL (flags, another shape), -E2BIG (no such index), -EBADF, -ETIMEDOUT
   */
  arrayOfMapsUpdate(address: number, key: number, value: number, flags: number): number;
  /**
   * Overwrites a value; up to 8 bytes by one atomic store, larger ones may be seen half done (as in Linux); with LOCK, under the lock
   * in it.
   * The publication of a small value pairs with copyOutWords.
   */
  arrayUpdate(address: number, key: number, value: number, flags: number): number;
  /**
   * Whether a value may have been put in. Any context. The loads pair with setBits of bloomPush.
   * @returns 0: perhaps; -ENOENT: it was not
   */
  bloomHas(address: number, value: number): number;
  /**
   * Puts a value in. Any context. The bits pair with the loads of bloomHas: who is told that the value is in finds it.
   * @param key 0: there are none
   * @param flags 0
   * @returns 0, -EINVAL (key, flags)
   */
  bloomPush(address: number, key: number, value: number, flags: number): number;
  /** As bloomPush, as programs call it. */
  bloomPushValue(address: number, value: number, flags: number): number;
  /**
   * What `attach` checks before anything else is done with the memory.
   * @returns 0 if it is no arena; LAYOUT_VERSION if it is one in one piece; any other layout's version; or -EINVAL: it is damaged
   */
  checkArena(): number;
  /**
   * Closes a map that was opened on CPU `cpu`, which this thread holds.
   * The publication pairs with isOpen: what this thread did with the map is done before another one frees it.
   */
  closeMap(address: number, cpu: number): void;
  /** Interrupts this CPU by a context of `level`; nests. Returns what `contextLeave` takes. */
  contextEnter(level: number): number;
  /** Back to the interrupted context; work that became due runs if interrupts are on there. */
  contextLeave(below: number): void;
  /**
   * Puts this CPU in a context without running what is due.
   * @param level 0 task, 1 softirq, 2 hardirq, 3 nmi
   */
  contextSet(level: number, interruptsOff: number): void;
  cpuAreaAddress(cpu: number): number;
  cpuCount(): number;
  /**
   * Creates a map that nobody can find yet: the caller writes name and description behind it, then `publishMap`.
   * @param kind a KIND_ constant
   * @param flags as map info will show them
   * @param supply where a hash's elements come from, a SUPPLY_ constant
   * @param seed of the hash function
   * @param extra map_extra; of a map of maps the address of a map that is open and like its inner ones
   * @returns the map's address, or a positive errno below 65536: EINVAL, E2BIG, ENOTSUPP, ENOMEM, ETIMEDOUT (cpu/wait.ts)
   */
  createMap(kind: number, keySize: number, valueSize: number, maxEntries: number, flags: number, supply: number, seed: number, extra: number): number;
  /** As `createObjectAllocator` of alloc/object.ts; what this CPU could not finish before goes first. */
  createObjectAllocator(size: number, perCpu: number, limit: number): number;
  /** Area of the CPU this instance acts as. */
  currentArea(): number;
  /**
   * Takes a map that this CPU has open off the list; its memory goes back once it is closed and a grace period is over.
   * @returns 0, -ENOENT (it is destroyed already) or -ETIMEDOUT
   */
  destroyMap(address: number): number;
  /** As destroyMap, for the map that is named so now (NAME_BYTES, NUL padded), open or not. -ENOENT: there is none. */
  destroyNamed(name: number): number;
  /** As `destroyObjectAllocator` of alloc/object-allocator.ts; what this CPU could not finish before goes first. */
  destroyObjectAllocator(allocator: number): number;
  /** Gives a created map back that was not published. */
  discardMap(address: number): void;
  /**
   * Makes the thread that has taken this CPU one of the arena's, under its token.
   * @returns 0; -EBUSY: another thread has attached with the token and lives, as far as anybody knows; -EINVAL: the lists of maps
   * or caches are damaged; -ETIMEDOUT: a dead thread has the lock
   */
  enroll(token: number): number;
  /** The address of the map named so, 0 if there is none, ETIMEDOUT if the lists are behind a lock that is not let go. */
  findMap(name: number): number;
  /**
   * Gives back what threads had to leave behind in their slots, as far as the locks can be had now. The slots are borrowed one at
   * a time by the thread `token`. Task context.
   * The claim pairs with the publication of releaseCpu: what was left is as it was left.
   */
  finishLeaving(token: number): void;
  /** Gives memory back that `allocateBytes` handed out; 0 and an errno of its are ignored. Cannot fail: at worst it goes with the CPU. */
  freeBytes(address: number): void;
  /**
   * From now on the system call does not write a map; whoever is in the middle of a write finishes it. Any context.
   * The claim pairs with nothing: what was written before has orders of its own.
   * @returns 0, or -EPERM: it is frozen already
   */
  freezeMap(address: number): number;
  /** Whether that grace period is over; helps it along, never waits. */
  gracePeriodOver(flavour: number, target: number): number;
  /** A grace period of a flavour (0 normal, 1 tasks-trace) from now on: what `gracePeriodOver` takes. */
  gracePeriodStart(flavour: number): number;
  /**
   * Adds to a number of an entry; one that is not there begins as zeroes. Or, with EXCHANGES, replaces a number by another one if it
   * is as expected; then the entry must be there. Of a hash whose values are no CPUs'. Any context.
   * @param room two words: what is added (base/number.ts: addToNumber); or the number to be and the expected one, both with zeroes
   * above. Behind them `valueStride` bytes for a new value. In the first word the new number is left
   * @returns 0, -ERANGE (an integer would wrap), -EAGAIN (another number than the expected one), -ENOENT, or as hashUpdate
   */
  hashChange(address: number, key: number, offset: number, change: number, room: number): number;
  /**
   * Deletes entries from a place of a walk on; where to go on is left in `scanNext`, 0 at the end.
   * @param into room that is used up
   * @returns 0, or the -errno of an entry that could not be deleted: as of hashDelete
   */
  hashClear(address: number, from: number, into: number, bytes: number): number;
  /**
   * Deletes a key if it has the expected value, byte by byte; of no per-CPU hash. Any context.
   * @param expected `valueSize` bytes
   * @returns as hashDelete, or -EAGAIN: the value is another one
   */
  hashCompareDelete(address: number, key: number, expected: number): number;
  /**
   * Replaces a key's value if it is the expected one, byte by byte; of no per-CPU hash. Any context.
   * @param expected `valueSize` bytes
   * @returns as hashUpdate with EXIST, or -EAGAIN: the value is another one
   */
  hashCompareUpdate(address: number, key: number, expected: number, value: number): number;
  /**
   * Deletes a key. Its element may be handed out again at once. Any context.
   * @returns 0, -ENOENT, -EBUSY (this context interrupted the bucket's owner) or -ETIMEDOUT (its owner is dead)
   */
  hashDelete(address: number, key: number): number;
  /** As hashDelete, with keys of 4 bytes. */
  hashDelete4(address: number, key: number): number;
  /** As hashDelete, with keys of 8 bytes. */
  hashDelete8(address: number, key: bigint): number;
  /**
   * Copies a value out, consistently: done again if the bucket changed meanwhile. Any context.
   * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
   * @param into `valueStride` bytes, 8-byte aligned
   * @returns 0 or -ENOENT
   */
  hashGet(address: number, key: number, into: number): number;
  /** As hashGet, of a plain hash with keys of 4 bytes. */
  hashGet4(address: number, key: number, into: number): number;
  /** As hashGet4, with keys of 8 bytes. */
  hashGet8(address: number, key: bigint, into: number): number;
  /**
   * Copies a value out under its lock. Any context.
   * @param into `valueStride` bytes, 8-byte aligned
   * @returns 0, -EINVAL (values have no lock), -ENOENT, -EBUSY, -ETIMEDOUT or -EDEADLK
   */
  hashGetLocked(address: number, key: number, into: number): number;
  /**
   * Finds a value. Call inside a read section; the address stays that of a value of this map until the section ends,
   * though its element may be deleted and reused meanwhile (type-stable, as in Linux). Lock-free, any context.
   * The load pairs with the publication of the control word, isUnchanged vouches for what was not found.
   * @returns the value's address, 0 if the key is not there
   */
  hashLookup(address: number, key: number): number;
  /**
   * The key that comes after `key`; the first after 0 (none) and, as in Linux, after one that is not there. Lock-free, any context.
   * @param into room for a key; not where `key` is
   * @returns 0, or -ENOENT behind the last
   */
  hashNextKey(address: number, key: number, into: number): number;
  hashOfMapsGet(address: number, key: number, into: number): number;
  /** As arrayOfMapsLookup. Pairs with the same. */
  hashOfMapsLookup(address: number, key: number): number;
  /** As arrayOfMapsUpdate; with flags and errno of hashUpdate. */
  hashOfMapsUpdate(address: number, key: number, value: number, flags: number): number;
  /**
   * As hashUpdate, with keys of 4 bytes.
   * @param value `valueStride` bytes, 8-byte aligned
   */
  hashSet4(address: number, key: number, value: number, flags: number): number;
  /**
   * Deletes a key and copies its value out, all CPUs' values of a per-CPU hash. Any context. Nobody else gets that value.
   * @param into `valueStride` bytes, as often as there are values; 8-byte aligned
   * @returns as hashDelete
   */
  hashTake(address: number, key: number, into: number): number;
  /** As hashGetLocked, and the entry is deleted: nobody changes the value in between. */
  hashTakeLocked(address: number, key: number, into: number): number;
  /**
   * Creates or replaces a value; of a per-CPU hash the current CPU's, and a new key has zero on the others (what a
   * program does). Any context.
   * @param flags 0, NOEXIST or EXIST, with LOCK where values have one: then a value that is there is changed in place, under its lock
   * @returns 0, -EINVAL (flags, no lock), -EEXIST, -ENOENT, -E2BIG (full), -ENOMEM (nothing to allocate in this context),
   * -EBUSY (this context interrupted the bucket's owner), -ETIMEDOUT (the bucket's owner is dead and not yet reaped)
   */
  hashUpdate(address: number, key: number, value: number, flags: number): number;
  /**
   * As hashUpdate, of a hash with keys of 4 bytes and values of up to 8.
   * @param value its bytes, upper ones zero
   */
  hashUpdate4(address: number, key: number, value: bigint, flags: number): number;
  /** As hashUpdate4, with keys of 8 bytes. */
  hashUpdate8(address: number, key: bigint, value: bigint, flags: number): number;
  /**
   * Interrupts came on for a moment (or for good): raised work runs, unless on RT.
   * @returns items that ran
   */
  interruptsCameOn(): number;
  /** Whether an allocator lives at `address`, which may be any number. */
  isObjectAllocator(address: number): number;
  /**
   * Whether the thread that holds CPU `cpu` as `owner` is seen at work. The loads pair with those who reap it: while one does, and
   * once it has, what changes is not the thread's doing.
   */
  isSeenAlive(cpu: number, owner: number): number;
  /**
   * Copies the addresses of living allocators, newest first, as many as `most`.
   * @returns how many there are, or -ETIMEDOUT
   */
  listAllocators(into: number, most: number): number;
  /**
   * As hashGet, or percpuHashGet of a per-CPU kind; but in profile linux the entry was used. Elements and values stay the map's as long as
   * there is one, so that no read section is needed.
   * The loads pair with the publication of control word and place, isUnchanged vouches for what was copied.
   */
  lruGet(address: number, key: number, into: number): number;
  /** As hashLookup, for a program: the entry was used. */
  lruLookup(address: number, key: number): number;
  /** As lruLookup, for the current CPU's copy. */
  lruPercpuLookup(address: number, key: number): number;
  /** As lruLookup, for the copy of CPU `cpu`; 0 if there is no such CPU. */
  lruPercpuLookupOn(address: number, key: number, cpu: number): number;
  /**
   * Adds to the values of `count` keys, in their order, as hashChange does: values that are numbers of a kind (base/number.ts).
   * @param amounts numbers of the same kind, side by side
   * @param room two words and room for a value
   * @returns 0, or the -errno of the first that failed: those before it have been added to
   */
  mapAddMany(address: number, keys: number, count: number, kind: number, amounts: number, room: number): number;
  /** Entries of a map now, of an arena map its pages; of a hash a sum over CPUs that may be a few off while others write. Bloom filters and ring buffers do not know: 0. */
  mapCount(address: number): number;
  /**
   * Removes the entries of `count` keys; -EINVAL of an array means that none can be.
   * @returns how many were there, or the -errno of the first that is neither there nor not
   */
  mapDeleteMany(address: number, keys: number, count: number): number;
  mapEntryBytes(address: number): number;
  /**
   * Copies the values of `count` keys out: those that are there.
   * @param found a byte for each key: 1 if it is there, otherwise 0
   * @returns how many are there, or -errno: -EINVAL for a map whose entries cannot be had so
   */
  mapGetMany(address: number, keys: number, count: number, values: number, found: number): number;
  /**
   * Prefills: the next `count` new keys on this CPU do not fail for memory, in any context. A later prefill replaces it. Task
   * and softirq context.
   * @returns 0; -EINVAL (no dynamic hash); or -ENOMEM and nothing is prefilled
   */
  mapPrefill(address: number, count: number): number;
  /**
   * Copies entries out, key and value (all CPUs' values), as many as fit into `bytes` bytes at `into` (8-byte aligned), from
   * the place `from` on: 0 for the first call. Where to go on is left in the CPU's `scanNext`, 0 when the walk is done. Task
   * and softirq context.
   * @returns the number of entries, -ENOSPC if not even the first step fits, -EINVAL for a kind that cannot be walked
   */
  mapScan(address: number, from: number, into: number, bytes: number): number;
  /**
   * As mapScan (maps/dispatch.ts), of maps whose keys and values are of 1, 2, 4 or 8 bytes.
   * @param room how many entries there is place for, at `keys` and at `values`
   */
  mapScanColumns(address: number, from: number, keys: number, values: number, room: number): number;
  /**
   * As mapScan, but keys alone, each rounded up to 8 bytes: what fits where whole entries do not. Those that have lengths of their own
   * come as they are given (maps/table/entry.ts), one behind the other.
   */
  mapScanKeys(address: number, from: number, into: number, bytes: number): number;
  /**
   * Creates or replaces `count` entries, in their order.
   * @returns 0, or the -errno of the first that failed: those before it have been set
   */
  mapSetMany(address: number, keys: number, count: number, values: number): number;
  /**
   * Allocates an object. Any context.
   *
   * The fast path, with no call and nothing crossing a threshold: V8 does not inline, and a call spills what is live.
   * @param flags CACHE_FIRST, SLAB_FIRST (the cache as fallback) or SLAB_ONLY
   * @returns its address (8-byte aligned), or EINVAL (size 0), E2BIG (larger than this allocator's objects), ENOMEM,
   * ETIMEDOUT (what would be there is behind a lock that is not let go): positive, below 65536
   */
  objectAllocate(allocator: number, size: number, flags: number): number;
  /** Whether no CPU has raised work for this allocator: then, after a grace period, it may be destroyed. */
  objectAllocatorIdle(allocator: number): number;
  /** An object has been allocated for `size` bytes: marks it and puts its fence up. */
  objectArm(address: number, size: number): void;
  /** Bytes of an object's that its user may use, 0 if it is not allocated. */
  objectArmedSize(allocator: number, address: number): number;
  /** Where CPU `cpu`'s copy of an object of a per-CPU allocator lies; of any other allocator, the object itself. */
  objectCopy(address: number, cpu: number): number;
  /** As objectCopy, of an address that may be any number: 0 for what is no object of the allocator. */
  objectCopyOf(allocator: number, address: number, cpu: number): number;
  /**
   * An object is to be freed: looks at it, and marks it as freed. The claim pairs with that of another thread which frees it too:
   * one of them comes second.
   * @param address any number
   * @returns 0; -EINVAL: no object of the allocator; -ENOENT: it is freed already; -EFAULT: somebody has written behind its end.
   * Then it stays as it is
   */
  objectDisarm(allocator: number, address: number): number;
  /** Frees an object; it may be handed out again at once. 0 is ignored. Any context, cannot fail. */
  objectFree(address: number): void;
  /** As objectFree, of an address that may be any number: 0, or -EINVAL and nothing has happened. */
  objectFreeOf(allocator: number, address: number): number;
  /** Frees an object that readers may still be in: it is not used again before a normal grace period. As objectFree. */
  objectFreeRcu(address: number): void;
  /** As objectFreeRcu, as objectFreeOf. */
  objectFreeRcuOf(allocator: number, address: number): number;
  /**
   * Prefills: the next `count` allocations of `size` bytes on this CPU succeed, in any context. Task and softirq.
   * @returns 0, -EINVAL, -E2BIG, or -ENOMEM and nothing is prefilled
   */
  objectPrefill(allocator: number, size: number, count: number): number;
  /** The set for a request, 0 if it is empty or larger than this allocator's objects. */
  objectSet(allocator: number, size: number): number;
  /** Bytes that can be used at an allocated object's address. */
  objectSize(address: number): number;
  /** As objectSize, of an address that may be any number: 0 for what is no object of the allocator. */
  objectSizeOf(allocator: number, address: number): number;
  /** Moves what this CPU's caches contain towards the slab; what was prefilled stays. Task and softirq. */
  objectTrim(allocator: number): void;
  /** As findMap, and the map is open on this CPU until `closeMap`. */
  openMap(name: number): number;
  /** As orderedDelete, or -EAGAIN and nothing has happened: the value is not the expected one. */
  orderedCompareDelete(address: number, key: number, expected: number): number;
  /** Replaces a value if it is the expected one. As orderedUpdate with EXIST, or -EAGAIN: it is another one. */
  orderedCompareUpdate(address: number, key: number, expected: number, value: number): number;
  /** Deletes a key. Any context. 0, -ENOENT, -EBUSY or -ETIMEDOUT as orderedUpdate. */
  orderedDelete(address: number, key: number): number;
  /**
   * Copies a value out as of one moment. Lock-free, any context.
   * @param into as of variableHashGet
   * @returns 0, -ENOENT, or -ENOSPC: there is less room than the length says
   */
  orderedGet(address: number, key: number, into: number): number;
  /**
   * As orderedGet, of a key that a walk has copied, without a look for it: where the map has not changed since, its entry is where it
   * was. Lock-free, any context.
   * @param leaf the word behind the key's length
   * @param stamp what the walk wrote before its keys: as a number, since no map has 2^53 changes
   * @returns 0; -EAGAIN: it has to be looked for; -ENOSPC as orderedGet
   */
  orderedGetAt(address: number, leaf: number, stamp: number, into: number): number;
  /**
   * Copies keys in their order, each as it is given to an operation and rounded up to 8 bytes, as many as fit; in the word behind a
   * key's length is where its entry lies (orderedGetAt). Lock-free, any context.
   * The load pairs as those of leafTowards.
   * @param from the key to begin behind, 0: before all
   * @param mode WALK_FROM, WALK_DOWN
   * @param into 8-byte aligned: eight bytes for the stamp of this look, then the keys; what is behind them is used up
   * @returns how many; -ENOSPC: there is not room for one
   */
  orderedKeys(address: number, from: number, mode: number, into: number, bytes: number): number;
  /** As orderedDelete, and copies the value out as orderedGet: -ENOSPC, and nothing has happened, if it has no room. */
  orderedTake(address: number, key: number, into: number): number;
  /**
   * Creates an entry or replaces its value. Key and value as they are given to a variable hash (maps/table/entry.ts). Any context.
   * @param flags 0, NOEXIST or EXIST
   * @returns 0, -EINVAL (flags), -EEXIST, -ENOENT, -E2BIG (full, or larger than the largest object), -ENOMEM (nothing to allocate in
   * this context), -EBUSY (this context interrupted the lock's owner) or -ETIMEDOUT (its owner is dead)
   */
  orderedUpdate(address: number, key: number, value: number, flags: number): number;
  pagesInUse(): number;
  /** Copies all CPUs' values out, valueStride apart. */
  percpuArrayGet(address: number, key: number, into: number): number;
  /** As arrayLookup, for the current CPU's copy. */
  percpuArrayLookup(address: number, key: number): number;
  /** As arrayLookup, for the copy of CPU `cpu`; 0 if there is no such CPU. */
  percpuArrayLookupOn(address: number, key: number, cpu: number): number;
  /** Overwrites the current CPU's copy. What a program does. */
  percpuArrayUpdate(address: number, key: number, value: number, flags: number): number;
  /** Overwrites all CPUs' copies from `value`, valueStride apart. What user space does. */
  percpuArrayUpdateAll(address: number, key: number, value: number, flags: number): number;
  /**
   * Copies all CPUs' values out, valueStride apart: done again if the bucket changed meanwhile, so that they are the key's; each
   * CPU's as of some moment. Any context.
   * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
   */
  percpuHashGet(address: number, key: number, into: number): number;
  /** As hashLookup, for the current CPU's copy. */
  percpuHashLookup(address: number, key: number): number;
  /** As hashLookup, for the copy of CPU `cpu`; 0 if there is no such CPU. */
  percpuHashLookupOn(address: number, key: number, cpu: number): number;
  /** As hashUpdate, for all CPUs' copies: `value` is one after the other, valueStride apart. What user space does. */
  percpuHashUpdateAll(address: number, key: number, value: number, flags: number): number;
  /**
   * Closes rings that were opened on CPU `cpu`, which this thread holds.
   * The publication pairs with hasReaders: this thread is done with the rings.
   */
  perfClose(address: number, cpu: number): void;
  /**
   * Copies a CPU's records out and consumes them: each with its size in front and how many were lost between the one before and it, in
   * 8 bytes, and rounded up to 8. How many bytes are used is left in the CPU's `scanNext`; if not even one fits, how many it needs.
   * The load of `produced` pairs with the publication of finish, that of `consumed` with the load of reserve.
   * @param into 8-byte aligned
   * @returns the number of records, -EINVAL (no such CPU), -ENOENT (the rings are not there), -ENOSPC, -EBUSY (this context interrupted a
   * consumer) or -ETIMEDOUT (a dead one has the lock)
   */
  perfConsume(address: number, cpu: number, into: number, bytes: number): number;
  /** Whether there is a ring of this CPU that somebody reads. Any context. */
  perfIsOpen(address: number, cpu: number): number;
  /** Records of a CPU that found no room since the rings were made, modulo 2^32; 0 where there are none. The load pairs with nothing. */
  perfLost(address: number, cpu: number): number;
  /**
   * Opens the rings of all CPUs, empty if nobody else has them open: from now on programs' records go there. They are made by who opens
   * them first, and stay as large as they are for as long as the map is there. Counts with this CPU until `perfClose`. Task context.
   * The publication pairs with hasReaders: the rings are there.
   * @param bytes of each ring, a power of two from 4096 on; 0: as large as they are, or 64 KiB
   * @returns 0, -EINVAL (no such size), -EEXIST (they are there in another size), -ENOMEM, -ETIMEDOUT
   */
  perfOpen(address: number, bytes: number): number;
  /**
   * Puts a record of two parts into this CPU's ring. Any context.
   * `depth` is the CPU's own: its publications pair with nothing. Nor does the sum of `lost`: a later record says it.
   * @param more address of the second part, of `moreBytes`
   * @returns 0, -ENOENT (nobody has the rings open), -ENOSPC (there is no room: it counts as lost)
   */
  perfOutput(address: number, data: number, bytes: number, more: number, moreBytes: number): number;
  /** Says where a map lies that nobody can find yet: the upper and the lower half of the first page's pointer. */
  placeArenaMap(address: number, high: number, low: number): void;
  /** Copies `size` bytes from anywhere; a source that is no memory of ours gives zeroes and -EFAULT. */
  probeRead(destination: number, size: number, source: bigint): number;
  /** Of user space's memory or the kernel's, as the address says. */
  probeReadEither(destination: number, size: number, source: bigint): number;
  probeReadEitherString(destination: number, size: number, source: bigint): number;
  /** As probeRead, of the kernel's memory: -ERANGE where there can be none of it. */
  probeReadKernel(destination: number, size: number, source: bigint): number;
  probeReadKernelString(destination: number, size: number, source: bigint): number;
  /** Copies a string with its NUL, cut to `size`: its length with NUL, or -EFAULT. */
  probeReadString(destination: number, size: number, source: bigint): number;
  /**
   * Makes a created map visible to every thread: 0, or -EEXIST, -ENOMEM (beyond the account's limit already), -ETIMEDOUT:
   * then it is gone again.
   */
  publishMap(address: number): number;
  /** As ringPush, as programs call it. */
  pushValue(address: number, value: number, flags: number): number;
  /** Copies the first value out and leaves it: 0, -ENOENT (empty), -EINVAL (key), -EBUSY or -ETIMEDOUT as ringPush. */
  queuePeek(address: number, key: number, into: number): number;
  /** As queuePeek, as programs call it. */
  queuePeekValue(address: number, into: number): number;
  /** As queuePeek, and takes the value off. */
  queuePop(address: number, key: number, into: number): number;
  /** As queuePop, as programs call it. */
  queuePopValue(address: number, into: number): number;
  /** Begins a read section on this CPU; a program run is one. */
  readEnter(): void;
  readLeave(): void;
  /**
   * Frees the slot of a CPU whose thread is dead. Task context, on another CPU.
   * The claim pairs with the publication at the end of the last reaper: one reaps a CPU at a time, and who comes second finds
   * that the slot is no longer the dead thread's.
   * @param owner what the slot's `owner` was when the thread was known to be dead: only then is it reaped
   * @returns 0; -EINVAL: there is no such CPU, or it is this one; -ENOENT: the slot is not (any more) that thread's; -EAGAIN:
   * another CPU is in the middle of something that has to be over first (or is dead as well): the slot stays held, call again
   */
  reapCpu(cpu: number, owner: number): number;
  /** Frees destroyed maps that nobody can be inside any more; maps that still have to wait. */
  reapMaps(): number;
  /**
   * Gives a slot back that this thread holds, and acts as, with what belongs to its holder: open maps, what it is building, its
   * memory (mem/managed.ts). Where a lock is not let go something stays; `finishLeaving` then goes on with it. Task context.
   */
  releaseCpu(cpu: number): void;
  /**
   * Puts a value in. Any context.
   * @param key 0: there are none
   * @param flags 0, or EXIST: a full ring drops its oldest value
   * @returns 0, -EINVAL (key, flags), -E2BIG (full), -EBUSY (this context interrupted the lock's owner), -ETIMEDOUT (its owner
   * is dead)
   */
  ringPush(address: number, key: number, value: number, flags: number): number;
  /**
   * Copies records out that are submitted, and consumes them: each with its size in front, in 8 bytes, and rounded up to 8. How many
   * bytes are used is left in the CPU's `scanNext`; if not even one fits, how many it needs.
   * The loads of `produced` and of headers pair with the publications of producers: records are filled. That of `consumed` says that they
   * may be written over.
   * @param into 8-byte aligned
   * @returns the number of records, -ENOSPC, -EBUSY (this context interrupted a consumer) or -ETIMEDOUT (a dead one has the lock)
   */
  ringbufConsume(address: number, into: number, bytes: number): number;
  /** Gives a reserved record up: the consumer passes over it. Any context; cannot fail. */
  ringbufDiscard(record: number, flags: number): void;
  /**
   * Reserves a record, copies `size` bytes into it and submits it. Any context.
   * @returns 0, -EINVAL (flags), -EAGAIN (what ringbufReserve returns 0 for)
   */
  ringbufOutput(address: number, data: number, size: number, flags: number): number;
  /**
   * What a buffer is like at some moment. The loads pair with nothing: what is learnt is old at once.
   * @param what 0: bytes that are not consumed; 1: bytes of the buffer; 2, 3: the consumer's and the producers' position; else 0
   */
  ringbufQuery(address: number, what: number): bigint;
  /**
   * Reserves a record. Any context. Its bytes are whatever was there.
   * The load of `consumed` pairs with the consumer's publication: he is done with what lies before; that of `produced` pairs with the
   * consumer's load: the header is written.
   * @returns the record's address, for ringbufSubmit or ringbufDiscard; 0: there is no room now, it is larger than the buffer, there are
   * flags, this context interrupted the lock's owner, or that one is dead
   */
  ringbufReserve(address: number, size: number, flags: number): number;
  /** Gives a reserved record to the consumer. Any context; cannot fail. */
  ringbufSubmit(record: number, flags: number): void;
  /**
   * Does the raised work of CPU `cpu`, whose thread never does it (an AudioWorklet), and what tables of maps want; returns the
   * caches that a batch was brought for.
   */
  serveCpu(cpu: number): number;
  /** Watermarks of allocators created from now on: 0 fixed, as Linux's, 1 adaptive. */
  setAdaptive(value: number): void;
  /** Turns the debug mode of an allocator on that nobody has allocated from yet, and whose objects are `bytes` larger for it. */
  setAllocatorDebug(allocator: number, bytes: number): void;
  setCurrentTask(record: number): void;
  setForceDynamic(value: number): void;
  /** Bytes of pages that may be in use at once from now on; what is in use stays. */
  setLimit(pages: number): void;
  /** Semantics of maps created from now on: 0 anyctx, 1 linux. */
  setProfile(value: number): void;
  /** From now on deferred work belongs to threads (1) or runs when interrupts come on (0). */
  setRealTime(value: number): void;
  /**
   * Says that the values of a map that nobody can find yet have a lock, a `struct bpf_spin_lock`.
   * @param offset in values, a multiple of 4
   * @returns 0, -EACCES (programs do not read it or do not write it), -EOPNOTSUPP (another kind), -EINVAL (values have no such place)
   */
  setValueLock(address: number, offset: number): number;
  /**
   * Lets a created dynamic hash share an allocator's account: what it takes from the slab counts there.
   * @returns 0, or -EINVAL: there is no such allocator, or the map is no dynamic hash
   */
  shareAccount(address: number, allocator: number): number;
  /** As takeSpinLock, an operation of its own: what a program asks for. */
  spinLock(word: number): number;
  spinUnlock(word: number): void;
  /** Copies the newest value out and leaves it: 0, -ENOENT (empty), -EINVAL (key), -EBUSY or -ETIMEDOUT as ringPush. */
  stackPeek(address: number, key: number, into: number): number;
  /** As stackPeek, as programs call it. */
  stackPeekValue(address: number, into: number): number;
  /** As stackPeek, and takes the value off. */
  stackPop(address: number, key: number, into: number): number;
  /** As stackPop, as programs call it. */
  stackPopValue(address: number, into: number): number;
  /** Removes no stack: -ENOENT, or -E2BIG for a number that none can have. */
  stackTraceDelete(address: number, key: number): number;
  /** Copies no stack: there is none. -ENOENT */
  stackTraceGet(address: number, key: number, into: number): number;
  /** Makes this instance act as CPU `id`. The caller holds that CPU's slot. */
  switchCpu(id: number): void;
  /** As `takeCpu` of cpu/area.ts: the thread has read nothing yet. */
  takeCpu(id: number, token: number): number;
  /** Copies the current task's name, NUL padded; 0, or -EFAULT where no event is current. */
  taskComm(destination: number, size: number): number;
  /**
   * What a timer tick does on this CPU: raised work, callbacks whose grace period is over, and, after a while without an
   * operation, giving back what is cached.
   */
  timerTick(): void;
  /** As readEnter, for a sleepable program's run: holds up tasks-trace grace periods only. */
  traceEnter(): void;
  traceLeave(): void;
  /** Deletes a prefix, this very one. Any context. 0, -EINVAL (too long), -ENOENT, -EBUSY or -ETIMEDOUT as trieUpdate. */
  trieDelete(address: number, key: number): number;
  /** Copies the value under the longest prefix of a key out: 0 or -ENOENT. `into` is 8-byte aligned. */
  trieGet(address: number, key: number, into: number): number;
  /**
   * The key that comes after `key`, which may be gone; after 0 (none) the first. Lock-free, any context.
   * @param into room for a key; not where `key` is
   * @returns 0, or -ENOENT behind the last
   */
  trieKeyAfter(address: number, key: number, into: number): number;
  /** The address of the value under the longest prefix of a key, 0 if there is none. Call inside a read section. */
  trieLookup(address: number, key: number): number;
  /** As trieKeyAfter, but after a key that is not there comes the first, as in Linux. */
  trieNextKey(address: number, key: number, into: number): number;
  /**
   * Creates or replaces the value of a prefix. Any context.
   * @param flags 0, NOEXIST or EXIST
   * @returns 0, -EINVAL (flags, a prefix that is too long), -EEXIST, -ENOENT, -ENOSPC (full), -ENOMEM (nothing to allocate in this
   * context), -EBUSY (this context interrupted the lock's owner) or -ETIMEDOUT (its owner is dead)
   */
  trieUpdate(address: number, key: number, value: number, flags: number): number;
  /**
   * Trims the CPUs that the thread `token` holds and those that are free, which are borrowed one at a time; then the tables and
   * the slabs.
   * Never waits for a reader: what one still holds up goes with a later trim.
   * Claim and publication pair as those of takeCpu and releaseCpu. One's own slot needs no pair to be seen.
   */
  trimCpus(token: number): void;
  /** Gives the empty slabs that classes keep back to the pages. */
  trimSlabs(): void;
  /**
   * Begins to drain: until userRingbufEnd nobody else does. The claim pairs with the publication there: what the last one passed is passed.
   * @returns 0, or -EBUSY: somebody does, or died while he did and is not reaped yet
   */
  userRingbufBegin(address: number): number;
  /** Ends to drain. The publication pairs with userRingbufBegin of the next. */
  userRingbufEnd(address: number): void;
  /**
   * The next record, behind those that were given up; 0: there is none, or it is still being filled. Its size is 8 bytes in front of it.
   * Of whoever drains. The loads of position and header pair with the publications of those who put it in.
   */
  userRingbufNext(address: number): number;
  /** Lets go of the record that userRingbufNext gave. The publication pairs with ringbufReserve: it may be written over. */
  userRingbufPass(address: number): void;
  /**
   * Copies a value out, consistently: done again if the bucket changed meanwhile. Any context.
   * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
   * @param into 0: nothing is copied. Otherwise 8-byte aligned: the value's length is written to the first word; in the second the
   * caller says how many bytes there is room for behind both, a multiple of 8
   * @returns 0, -ENOENT, or -ENOSPC: there is less room than the length says
   */
  variableHashGet(address: number, key: number, into: number): number;
  /**
   * `withdraw` for this CPU's cache of a set: for a prefill on several CPUs of which one was refused.
   * @param owned what the cache owned before
   * @param prefilled what was prefilled before
   */
  withdrawPrefill(set: number, owned: number, prefilled: number): void;
  /** Whether this CPU has raised work that has not run. */
  workPending(): number;
  /** PREEMPT_RT: the CPU's work thread gets to run; returns the items that ran. */
  workThreadRuns(): number;
}

/** What the same functions are in WebAssembly. */
export const SIGNATURES = {
  allocateBytes: { parameters: ["i32"], results: ["i32"] },
  allocatorBytes: { parameters: ["i32"], results: ["i32"] },
  allocatorOwned: { parameters: ["i32"], results: ["i32"] },
  arenaAllocatePages: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  arenaAt: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  arenaFormat: { parameters: ["i32", "i32"], results: ["i32"] },
  arenaFreePages: { parameters: ["i32", "i32", "i32"], results: [] },
  arenaLoad: { parameters: ["i32", "i32", "i32", "i32"], results: ["i64"] },
  arenaNextPage: { parameters: ["i32", "i32"], results: ["i32"] },
  arenaReservePages: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  arenaRunCount: { parameters: ["i32"], results: ["i32"] },
  arenaStore: { parameters: ["i32", "i32", "i32", "i32", "i64"], results: [] },
  arenaTouchPage: { parameters: ["i32", "i32"], results: ["i32"] },
  arrayChange: { parameters: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
  arrayDelete: { parameters: ["i32", "i32"], results: ["i32"] },
  arrayGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  arrayGetLocked: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  arrayLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  arrayNextKey: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  arrayOfMapsDelete: { parameters: ["i32", "i32"], results: ["i32"] },
  arrayOfMapsGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  arrayOfMapsLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  arrayOfMapsUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  arrayUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  bloomHas: { parameters: ["i32", "i32"], results: ["i32"] },
  bloomPush: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  bloomPushValue: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  checkArena: { parameters: [], results: ["i32"] },
  closeMap: { parameters: ["i32", "i32"], results: [] },
  contextEnter: { parameters: ["i32"], results: ["i32"] },
  contextLeave: { parameters: ["i32"], results: [] },
  contextSet: { parameters: ["i32", "i32"], results: [] },
  cpuAreaAddress: { parameters: ["i32"], results: ["i32"] },
  cpuCount: { parameters: [], results: ["i32"] },
  createMap: { parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
  createObjectAllocator: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  currentArea: { parameters: [], results: ["i32"] },
  destroyMap: { parameters: ["i32"], results: ["i32"] },
  destroyNamed: { parameters: ["i32"], results: ["i32"] },
  destroyObjectAllocator: { parameters: ["i32"], results: ["i32"] },
  discardMap: { parameters: ["i32"], results: [] },
  enroll: { parameters: ["i32"], results: ["i32"] },
  findMap: { parameters: ["i32"], results: ["i32"] },
  finishLeaving: { parameters: ["i32"], results: [] },
  freeBytes: { parameters: ["i32"], results: [] },
  freezeMap: { parameters: ["i32"], results: ["i32"] },
  gracePeriodOver: { parameters: ["i32", "i32"], results: ["i32"] },
  gracePeriodStart: { parameters: ["i32"], results: ["i32"] },
  hashChange: { parameters: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
  hashClear: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  hashCompareDelete: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  hashCompareUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  hashDelete: { parameters: ["i32", "i32"], results: ["i32"] },
  hashDelete4: { parameters: ["i32", "i32"], results: ["i32"] },
  hashDelete8: { parameters: ["i32", "i64"], results: ["i32"] },
  hashGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  hashGet4: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  hashGet8: { parameters: ["i32", "i64", "i32"], results: ["i32"] },
  hashGetLocked: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  hashLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  hashNextKey: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  hashOfMapsGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  hashOfMapsLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  hashOfMapsUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  hashSet4: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  hashTake: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  hashTakeLocked: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  hashUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  hashUpdate4: { parameters: ["i32", "i32", "i64", "i32"], results: ["i32"] },
  hashUpdate8: { parameters: ["i32", "i64", "i64", "i32"], results: ["i32"] },
  interruptsCameOn: { parameters: [], results: ["i32"] },
  isObjectAllocator: { parameters: ["i32"], results: ["i32"] },
  isSeenAlive: { parameters: ["i32", "i32"], results: ["i32"] },
  listAllocators: { parameters: ["i32", "i32"], results: ["i32"] },
  lruGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  lruLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  lruPercpuLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  lruPercpuLookupOn: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  mapAddMany: { parameters: ["i32", "i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
  mapCount: { parameters: ["i32"], results: ["i32"] },
  mapDeleteMany: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  mapEntryBytes: { parameters: ["i32"], results: ["i32"] },
  mapGetMany: { parameters: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
  mapPrefill: { parameters: ["i32", "i32"], results: ["i32"] },
  mapScan: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  mapScanColumns: { parameters: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
  mapScanKeys: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  mapSetMany: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  objectAllocate: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  objectAllocatorIdle: { parameters: ["i32"], results: ["i32"] },
  objectArm: { parameters: ["i32", "i32"], results: [] },
  objectArmedSize: { parameters: ["i32", "i32"], results: ["i32"] },
  objectCopy: { parameters: ["i32", "i32"], results: ["i32"] },
  objectCopyOf: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  objectDisarm: { parameters: ["i32", "i32"], results: ["i32"] },
  objectFree: { parameters: ["i32"], results: [] },
  objectFreeOf: { parameters: ["i32", "i32"], results: ["i32"] },
  objectFreeRcu: { parameters: ["i32"], results: [] },
  objectFreeRcuOf: { parameters: ["i32", "i32"], results: ["i32"] },
  objectPrefill: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  objectSet: { parameters: ["i32", "i32"], results: ["i32"] },
  objectSize: { parameters: ["i32"], results: ["i32"] },
  objectSizeOf: { parameters: ["i32", "i32"], results: ["i32"] },
  objectTrim: { parameters: ["i32"], results: [] },
  openMap: { parameters: ["i32"], results: ["i32"] },
  orderedCompareDelete: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  orderedCompareUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  orderedDelete: { parameters: ["i32", "i32"], results: ["i32"] },
  orderedGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  orderedGetAt: { parameters: ["i32", "i32", "f64", "i32"], results: ["i32"] },
  orderedKeys: { parameters: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
  orderedTake: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  orderedUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  pagesInUse: { parameters: [], results: ["i32"] },
  percpuArrayGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  percpuArrayLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  percpuArrayLookupOn: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  percpuArrayUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  percpuArrayUpdateAll: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  percpuHashGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  percpuHashLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  percpuHashLookupOn: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  percpuHashUpdateAll: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  perfClose: { parameters: ["i32", "i32"], results: [] },
  perfConsume: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  perfIsOpen: { parameters: ["i32", "i32"], results: ["i32"] },
  perfLost: { parameters: ["i32", "i32"], results: ["i32"] },
  perfOpen: { parameters: ["i32", "i32"], results: ["i32"] },
  perfOutput: { parameters: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
  placeArenaMap: { parameters: ["i32", "i32", "i32"], results: [] },
  probeRead: { parameters: ["i32", "i32", "i64"], results: ["i32"] },
  probeReadEither: { parameters: ["i32", "i32", "i64"], results: ["i32"] },
  probeReadEitherString: { parameters: ["i32", "i32", "i64"], results: ["i32"] },
  probeReadKernel: { parameters: ["i32", "i32", "i64"], results: ["i32"] },
  probeReadKernelString: { parameters: ["i32", "i32", "i64"], results: ["i32"] },
  probeReadString: { parameters: ["i32", "i32", "i64"], results: ["i32"] },
  publishMap: { parameters: ["i32"], results: ["i32"] },
  pushValue: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  queuePeek: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  queuePeekValue: { parameters: ["i32", "i32"], results: ["i32"] },
  queuePop: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  queuePopValue: { parameters: ["i32", "i32"], results: ["i32"] },
  readEnter: { parameters: [], results: [] },
  readLeave: { parameters: [], results: [] },
  reapCpu: { parameters: ["i32", "i32"], results: ["i32"] },
  reapMaps: { parameters: [], results: ["i32"] },
  releaseCpu: { parameters: ["i32"], results: [] },
  ringPush: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  ringbufConsume: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  ringbufDiscard: { parameters: ["i32", "i32"], results: [] },
  ringbufOutput: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  ringbufQuery: { parameters: ["i32", "i32"], results: ["i64"] },
  ringbufReserve: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  ringbufSubmit: { parameters: ["i32", "i32"], results: [] },
  serveCpu: { parameters: ["i32"], results: ["i32"] },
  setAdaptive: { parameters: ["i32"], results: [] },
  setAllocatorDebug: { parameters: ["i32", "i32"], results: [] },
  setCurrentTask: { parameters: ["i32"], results: [] },
  setForceDynamic: { parameters: ["i32"], results: [] },
  setLimit: { parameters: ["i32"], results: [] },
  setProfile: { parameters: ["i32"], results: [] },
  setRealTime: { parameters: ["i32"], results: [] },
  setValueLock: { parameters: ["i32", "i32"], results: ["i32"] },
  shareAccount: { parameters: ["i32", "i32"], results: ["i32"] },
  spinLock: { parameters: ["i32"], results: ["i32"] },
  spinUnlock: { parameters: ["i32"], results: [] },
  stackPeek: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  stackPeekValue: { parameters: ["i32", "i32"], results: ["i32"] },
  stackPop: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  stackPopValue: { parameters: ["i32", "i32"], results: ["i32"] },
  stackTraceDelete: { parameters: ["i32", "i32"], results: ["i32"] },
  stackTraceGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  switchCpu: { parameters: ["i32"], results: [] },
  takeCpu: { parameters: ["i32", "i32"], results: ["i32"] },
  taskComm: { parameters: ["i32", "i32"], results: ["i32"] },
  timerTick: { parameters: [], results: [] },
  traceEnter: { parameters: [], results: [] },
  traceLeave: { parameters: [], results: [] },
  trieDelete: { parameters: ["i32", "i32"], results: ["i32"] },
  trieGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  trieKeyAfter: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  trieLookup: { parameters: ["i32", "i32"], results: ["i32"] },
  trieNextKey: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  trieUpdate: { parameters: ["i32", "i32", "i32", "i32"], results: ["i32"] },
  trimCpus: { parameters: ["i32"], results: [] },
  trimSlabs: { parameters: [], results: [] },
  userRingbufBegin: { parameters: ["i32"], results: ["i32"] },
  userRingbufEnd: { parameters: ["i32"], results: [] },
  userRingbufNext: { parameters: ["i32"], results: ["i32"] },
  userRingbufPass: { parameters: ["i32"], results: [] },
  variableHashGet: { parameters: ["i32", "i32", "i32"], results: ["i32"] },
  withdrawPrefill: { parameters: ["i32", "i32", "i32"], results: [] },
  workPending: { parameters: [], results: ["i32"] },
  workThreadRuns: { parameters: [], results: ["i32"] },
} as const;

/** Constants by the names that the core's source has. */
export const CONSTANTS = {
  CACHE_BYTES: 192,
  WORK_IDLE: 0,
  WORK_RAISED: 1,
  WORK_RUNNING: 2,
  NAME_AT: 128,
  TABLE_AT: 192,
  SETS_AT: 2240,
  DEBUG_BYTES: 16,
  CACHE_FIRST: 0,
  SLAB_FIRST: 1,
  SLAB_ONLY: 2,
  HEADER_SET: 4,
  CONTAINS_ELEMENTS: 0,
  CONTAINS_VALUES: 1,
  CONTAINS_OBJECTS: 2,
  SET_BYTES: 128,
  WASM_PAGE_BYTES: 65536,
  PAGES_PER_WASM_PAGE: 4,
  MOST_CPUS: 1024,
  MOST_WASM_PAGES: 65535,
  DESCRIPTORS: 69632,
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  EDEADLK: 35,
  EOPNOTSUPP: 95,
  ETIMEDOUT: 110,
  ENOTSUPP: 524,
  NUMBER_SIGNED: 4,
  NUMBER_FLOAT: 8,
  SUPERBLOCK: 65536,
  SUPERBLOCK_BYTES: 4096,
  MAGIC: 1480808769,
  LAYOUT_VERSION: 10,
  PROFILE_ANYCTX: 0,
  PROFILE_LINUX: 1,
  CLASS_COUNT: 11,
  RUN_BINS: 19,
  EPOCH_WORDS: 65728,
  BINS: 65792,
  SLAB_CLASSES: 66048,
  AREA_BYTES: 1024,
  TASK: 0,
  SOFTIRQ: 1,
  HARDIRQ: 2,
  NMI: 3,
  BORROWED: 2147483648,
  LEAVING: 2147483647,
  STALLED_AT: 960,
  CONTEXT_TASK: 0,
  CONTEXT_SOFTIRQ: 1,
  CONTEXT_INTERRUPTS_OFF: 2,
  CONTEXT_HARDIRQ: 3,
  CONTEXT_NMI: 4,
  MAYBE: 1,
  REMOVES: 4294967296,
  COUNTS: 8589934592,
  RCU: 17179869184,
  PARITY: 34359738368,
  TAKES: 68719476736,
  INTENT_BYTES: 32,
  LEVELS: 4,
  BUILDING_ALLOCATOR: 1,
  LOCK_SPINS: 268435456,
  NMI_SPINS: 4096,
  IN_BUCKET: 1,
  RDONLY: 8,
  WRONLY: 16,
  RDONLY_PROG: 128,
  WRONLY_PROG: 256,
  OF_SYSTEM: 24,
  OF_PROGRAM: 384,
  ACCESS_FLAGS: 408,
  NUMA_NODE: 4,
  KIND_ARENA: 33,
  SEGV_ON_FAULT: 131072,
  NO_USER_CONV: 262144,
  ARENA_PAGE_SHIFT: 12,
  ARENA_PAGE_BYTES: 4096,
  ARENA_RUN_PAGES: 4,
  ARENA_RUN_SHIFT: 14,
  ARENA_ADDRESS: 4294950912,
  ARENA_PAGES: 15,
  ARENA_SWEPT: 256,
  SWEEP_IDLE: 0,
  SWEEP_DUE: 1,
  SWEEP_WAITING: 2,
  ARENA_NOWHERE: 4294967295,
  KIND_ARRAY: 2,
  KIND_PERCPU_ARRAY: 6,
  MMAPABLE: 1024,
  KIND_BLOOM_FILTER: 30,
  BATCH: 64,
  LEVEL_COUNT_BYTES: 16,
  KIND_PROG_ARRAY: 3,
  KIND_PERF_EVENT_ARRAY: 4,
  KIND_CGROUP_ARRAY: 8,
  KIND_HASH: 1,
  KIND_PERCPU_HASH: 5,
  MOST_POOLED: 96,
  HASH_FLAGS: 477,
  SLOW_PATH: 1,
  COLLISION: 1,
  KEPT: 0,
  LOST: 1,
  UNCLEAR: 2,
  OLDEST_AT: 16,
  PASSED_AT: 72,
  LISTED: 2147483648,
  SET_ASIDE: 268435456,
  ORDER_BYTES: 64,
  BATCH_BYTES: 128,
  KIND_LRU_HASH: 9,
  KIND_LRU_PERCPU_HASH: 10,
  KIND_VARIABLE_HASH: 65537,
  KIND_ARRAY_OF_MAPS: 12,
  KIND_HASH_OF_MAPS: 13,
  HELD: 1,
  KIND_SOCKET_STORAGE: 24,
  KIND_INODE_STORAGE: 28,
  KIND_TASK_STORAGE: 29,
  KIND_CGROUP_STORAGE: 32,
  NO_PREALLOC: 1,
  NO_COMMON_LRU: 2,
  ZERO_SEED: 64,
  NOEXIST: 1,
  EXIST: 2,
  INNER_MAP: 4096,
  LOCK: 4,
  SUPPLY_CACHE: 0,
  SUPPLY_POOL: 1,
  SUPPLY_SLAB: 2,
  SUPPLY_LRU: 3,
  LARGEST_OBJECT: 4194304,
  LARGEST_ENTRY: 4194256,
  LARGEST_PERCPU_VALUE: 32768,
  KEY_OF_WORDS: 16,
  NAME_BYTES: 64,
  HEADER_SIZE: 320,
  MAP_BYTES: 384,
  MAP_CPU_BYTES: 128,
  SUBTRACTS: 16,
  EXCHANGES: 32,
  KIND_QUEUE: 22,
  KIND_RINGBUF: 27,
  RECORD_HEADER: 8,
  BUSY: 2147483648,
  DISCARDED: 1073741824,
  SIZE_MASK: 1073741823,
  KIND_STACK: 23,
  KIND_USER_RINGBUF: 31,
  KIND_STACK_TRACE: 7,
  TOGETHER: 16,
  BUCKET_BYTES: 64,
  OVERFLOW: 8,
  INDEX: 12,
  INDEX_MASK: 16777215,
  TAGS: 16,
  ELEMENTS: 32,
  SLOT_COUNT: 8,
  ALL_SLOTS: 255,
  TAG_SHIFT: 12,
  SHIFT_MASK: 31,
  DEAD: 32,
  SLOT_SHIFT: 8,
  SLOT_MASK: 65280,
  OWNER_SHIFT: 16,
  OWNER_MASK: 4294901760,
  SEQUENCE: 4294967296,
  AGAIN: 1,
  ELEMENT_NEXT: 8,
  ELEMENT_HASH: 12,
  ELEMENT_KEY: 16,
  LRU_BYTES: 16,
  SLOT_BEFORE: 16,
  USED_BEFORE: 12,
  NEXT_BEFORE: 8,
  PREVIOUS_BEFORE: 4,
  SLOT_OF_ELEMENT: 268435455,
  FREED: 2147483648,
  GIVEN_BYTES: 8,
  VARIABLE_KEY: 24,
  VARIABLE_SETS: 20,
  SEGMENT_SHIFT: 8,
  SEGMENT_BUCKETS: 256,
  SEGMENT_BYTES: 16384,
  ELEMENTS_PER_BUCKET: 4,
  ELEMENTS_PER_BUCKET_LARGE: 5,
  CROSSING: 65536,
  MANY_CROSSINGS: 524288,
  MOST_SPREAD: 4096,
  WALK_FROM: 1,
  WALK_DOWN: 2,
  STAMP_BYTES: 8,
  KIND_ORDERED: 65538,
  BRANCH_POSITION: 16,
  BRANCH_BYTES: 24,
  SAME: 4294967295,
  NODE_CHILD: 8,
  KIND_LPM_TRIE: 11,
  NODE_KIND: 16,
  NODE_KEY: 24,
  IS_ENTRY: 0,
  IS_BRANCH: 1,
  LOCK_BYTES: 4,
  PAGE_SHIFT: 14,
  PAGE_BYTES: 16384,
  PAGE_FREE: 1,
  PAGE_RUN: 2,
  PAGE_SLAB: 3,
  DESCRIPTOR_BYTES: 32,
  LARGEST_CLASS: 4096,
  CLASS_RUN: 255,
  HEADER_BYTES: 8,
  SLAB_CLASS_BYTES: 64,
  ALL_CALLBACKS: 4294967295,
  NORMAL: 0,
  TASKS_TRACE: 1,
  OPERATION: 2,
  FLAVOURS: 3,
  FIRST_EPOCH: 2,
} as const;

/** Offsets of fields in their structures, in bytes. */
export const LAYOUT = {
  Account: { sets: 0, reserved: 4, limit: 8, refused: 12 },
  Batch: { inUse: 0, next: 4, end: 8, passed: 12 },
  Cache: { free: 0, freeCount: 4, active: 8, low: 12, high: 16, batch: 20, workRaised: 24, workNext: 28, owned: 32, extra: 36, prefilled: 40, prefilledCount: 48, set: 52, extraCount: 56, refills: 60, byGp: 64, byGpCount: 68, waiting: 72, waitingCount: 76, waitingTarget: 80, waitingFlavour: 84, waitingAge: 88, trims: 92, reused: 96, steals: 100, gracePeriods: 104, missTask: 108, missSoftirq: 112, missInterruptsOff: 116, missHardirq: 120, missNmi: 124, byRcu: 128, byRcuCount: 132, waitingRcu: 136, waitingRcuCount: 140, rcuTarget: 144, burst: 148, inbox: 152, missesSeen: 160, savings: 164, reserve: 168 },
  CacheSet: { owner: 0, contains: 4, unit: 8, slabClass: 12, perCpu: 16, account: 20, adaptive: 24, waitingBound: 28, firstFill: 32, formatted: 36, nextSet: 40, pooled: 44, companions: 48, companionAt: 52, nextOfAccount: 56, accountedUnit: 60, depotLock: 64, depot: 68, depotCount: 72 },
  CpuArea: { id: 0, owner: 4, level: 8, interruptsOff: 12, task: 16, working: 20, work: 24, tables: 28, random: 32, readNesting: 36, traceNesting: 40, callbacks: 44, callbackCount: 48, waitingCallbacks: 52, waitingCallbackCount: 56, callbackTarget: 60, worksRun: 64, scanNext: 68, ownInterruptsOff: 72, idleTicks: 76, seenOperations: 80, spinsLeft: 84, gaveUp: 88, attached: 92, spinLockOfTask: 96, spinLockOfSoftirq: 100, spinLockOfHardirq: 104, spinLockOfNmi: 108, readEpoch: 136, traceEpoch: 140, quietEpoch: 144, intents: 200 },
  Filter: { mask: 0, functions: 4 },
  Intents: { first: 0, second: 8, key: 16, value: 24 },
  LevelCount: { live: 0, operation: 4, places: 8, least: 12 },
  MapCpu: { opened: 0, spare: 4, pool: 8, tableRaised: 16, tableNext: 20, readers: 24, counts: 64 },
  MapHeader: { kind: 0, flags: 4, keySize: 8, valueSize: 12, buckets: 16, contiguous: 20, valueStride: 24, valueOffset: 28, root: 32, multiplier: 40, directory: 48, elements: 52, fastKey: 56, inPlace: 60, values: 64, maxEntries: 68, supply: 72, storage: 76, copyStride: 80, keepsValues: 84, valueStorage: 88, description: 92, descriptionBytes: 96, next: 100, dyingTarget: 104, dyingTraceTarget: 108, interruptsOff: 112, account: 116, sets: 120, wholeStorage: 124, directoryStorage: 128, leastBuckets: 132, mostBuckets: 136, segment: 140, serial: 144, access: 148, extra: 152, extraHigh: 156, frozen: 160, ring: 164, lruShare: 168, lruBatch: 172, innerKind: 176, innerKeySize: 180, innerValueSize: 184, innerFlags: 188, places: 192, migrator: 196, segments: 200, retired: 204, retiredTarget: 208, treeRoot: 212, treeLock: 216, treeCount: 220, treePending: 224, innerEntries: 228, held: 232, pooled: 236, treeChanges: 240, pointerLow: 248, pointerHigh: 252, pagesFrom: 256, sweeper: 260, sweep: 264, sweepTarget: 268, sweepTraceTarget: 272, ringBytes: 276, valueLock: 280, crossings: 284, spread: 288 },
  ObjectAllocator: { sets: 0, limit: 8, refused: 12, magic: 64, size: 68, perCpu: 72, largest: 76, fastLargest: 80, shift: 84, serial: 88, debugBytes: 92 },
  Order: { lock: 0, taken: 4, hand: 8, unlisted: 12, inactiveOldest: 16, inactiveNewest: 20, inactiveCount: 24, activeOldest: 28, activeNewest: 32, activeCount: 36, batch: 40, swept: 44 },
  PageDescriptor: { state: 0, slabClass: 1, reserved: 2, length: 4, next: 8, previous: 12, free: 16, freeCount: 20, total: 24, head: 28 },
  PerfRing: { reserved: 0, produced: 8, depth: 16, lost: 20, consumed: 64, lock: 72, seen: 76 },
  Ring: { state: 0, lock: 8 },
  Ringbuf: { produced: 0, lock: 8, consumed: 64, consumerLock: 72 },
  SlabClass: { lockWord: 0, size: 4, pages: 8, partial: 12, slabs: 16, emptySlabs: 20, objectsInUse: 24, returned: 28 },
  Superblock: { magic: 0, version: 4, cpus: 8, pages: 12, firstPage: 16, descriptors: 20, areas: 24, deadBuckets: 28, realTime: 32, forceDynamic: 36, profile: 40, adaptive: 44, limitPages: 48, serials: 52, pagesLock: 64, usedPages: 68, returnedRuns: 72, controlLock: 128, maps: 132, dyingMaps: 136, cacheSets: 140 },
  Transfer: { objects: 0, active: 8, cache: 12, base: 16, between: 20, run: 24, building: 28, posts: 32, servedCpu: 36, served: 40, servedRest: 44, table: 48, managed: 52 },
} as const;

/** Bytes of the structures up to the end of their last field. */
export const SIZES = {
  Account: 16,
  Batch: 16,
  Cache: 172,
  CacheSet: 76,
  CpuArea: 204,
  Filter: 8,
  Intents: 32,
  LevelCount: 16,
  MapCpu: 72,
  MapHeader: 292,
  ObjectAllocator: 96,
  Order: 48,
  PageDescriptor: 32,
  PerfRing: 80,
  Ring: 12,
  Ringbuf: 76,
  SlabClass: 32,
  Superblock: 144,
  Transfer: 56,
} as const;
