// Native concurrent maps, u64 to u64, under the mixes of bench/native.ts: one map a binary, chosen when it is compiled.
//   native THREADS CAPACITY OPERATIONS GETS INSERTS REMOVES SEED
// prints million operations a second, and a checksum of what was found, so that nothing can be left out.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

using Key = std::uint64_t;

#if defined(USE_BOOST)
#include <boost/unordered/concurrent_flat_map.hpp>
struct Map {
  boost::concurrent_flat_map<Key, Key> map;
  explicit Map(std::size_t capacity) { map.reserve(capacity); }
  bool get(Key key, Key& value) { return map.cvisit(key, [&](const auto& entry) { value = entry.second; }) != 0; }
  void insert(Key key, Key value) { map.insert_or_assign(key, value); }
  void update(Key key, Key value) { map.visit(key, [&](auto& entry) { entry.second = value; }); }
  void remove(Key key) { map.erase(key); }
};
#elif defined(USE_TBB)
#include <tbb/concurrent_hash_map.h>
struct Map {
  using Table = tbb::concurrent_hash_map<Key, Key>;
  Table map;
  explicit Map(std::size_t capacity) : map(capacity) {}
  bool get(Key key, Key& value) {
    Table::const_accessor entry;
    if (!map.find(entry, key)) return false;
    value = entry->second;
    return true;
  }
  void insert(Key key, Key value) {
    Table::accessor entry;
    map.insert(entry, key);
    entry->second = value;
  }
  void update(Key key, Key value) {
    Table::accessor entry;
    if (map.find(entry, key)) entry->second = value;
  }
  void remove(Key key) { map.erase(key); }
};
#else
#include <libcuckoo/cuckoohash_map.hh>
struct Map {
  libcuckoo::cuckoohash_map<Key, Key> map;
  explicit Map(std::size_t capacity) : map(capacity) {}
  bool get(Key key, Key& value) { return map.find(key, value); }
  void insert(Key key, Key value) { map.insert_or_assign(key, value); }
  void update(Key key, Key value) { map.update(key, value); }
  void remove(Key key) { map.erase(key); }
};
#endif

// The same numbers as in bench/native.ts (xorshift, Marsaglia 2003).
static Key next(Key& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

struct Mix {
  std::uint32_t gets, inserts, removes;
};

// What is no get, insert or remove is an update of a key that may not be there.
static Key run(Map& map, Key state, long operations, Key keys, Mix mix) {
  Key found = 0;
  for (long index = 0; index < operations; index++) {
    const Key number = next(state);
    const Key key = (number >> 8) % keys;
    const std::uint32_t kind = (number & 255) * 100 >> 8;
    Key value = 0;
    if (kind < mix.gets) {
      if (map.get(key, value)) found += value;
    } else if (kind < mix.gets + mix.inserts) {
      map.insert(key, number);
    } else if (kind < mix.gets + mix.inserts + mix.removes) {
      map.remove(key);
    } else {
      map.update(key, number);
    }
  }
  return found;
}

int main(int count, char** words) {
  if (count != 8) return 2;
  const int threads = std::atoi(words[1]);
  const Key capacity = std::strtoull(words[2], nullptr, 10);
  const long operations = std::atol(words[3]);
  const Mix mix{static_cast<std::uint32_t>(std::atoi(words[4])), static_cast<std::uint32_t>(std::atoi(words[5])),
                static_cast<std::uint32_t>(std::atoi(words[6]))};
  const Key seed = std::strtoull(words[7], nullptr, 10);
  Map map(capacity);
  // Half full: every fourth of the keys that are drawn from.
  for (Key key = 0; key < 2 * capacity; key += 4) map.insert(key, key);
  std::vector<Key> found(threads * 16);
  for (int pass = 0; pass < 2; pass++) {
    std::vector<std::thread> all;
    const auto begin = std::chrono::steady_clock::now();
    for (int thread = 0; thread < threads; thread++)
      all.emplace_back([&, thread] { found[thread * 16] = run(map, seed + thread + 1, operations, 2 * capacity, mix); });
    for (auto& each : all) each.join();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    // The first pass warms up.
    if (pass == 1) std::printf("%f %llu\n", threads * operations / seconds / 1e6, (unsigned long long)found[0]);
  }
  return 0;
}
