/*
 * Offers programs to the running kernel and says what its verifier answers. Standard input, all u32 and little-endian: how many maps,
 * of each its type, key and value size, entries and flags, and of constants their bytes; how many programs, of each its type, attach
 * type, the number of what it attaches to, flags, number of instructions and those. A wide load of a map has the map's index in place
 * of a descriptor. A line a program: "+", or "-" and the log's last line.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_MAPS = 64, LOG_BYTES = 1 << 16, PSEUDO_MAP = 1, PSEUDO_VALUE = 2, WIDE_LOAD = 0x18 };

static int maps[MOST_MAPS];
static char log_text[LOG_BYTES];

static long bpf(int command, union bpf_attr *attributes) {
  return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static uint32_t next(void) {
  uint32_t word;
  if (fread(&word, sizeof(word), 1, stdin) != 1) exit(3);
  return word;
}

static void fill_constants(int descriptor, uint32_t bytes) {
  uint32_t key = 0;
  char *contents = malloc(bytes);
  if (fread(contents, 1, bytes, stdin) != bytes) exit(3);
  union bpf_attr update = { .map_fd = descriptor, .key = (uintptr_t)&key, .value = (uintptr_t)contents };
  union bpf_attr freeze = { .map_fd = descriptor };
  if (bpf(BPF_MAP_UPDATE_ELEM, &update) != 0 || bpf(BPF_MAP_FREEZE, &freeze) != 0) exit(5);
  free(contents);
}

static int create_map(void) {
  union bpf_attr attributes = {};
  attributes.map_type = next();
  attributes.key_size = next();
  attributes.value_size = next();
  attributes.max_entries = next();
  attributes.map_flags = next();
  int descriptor = bpf(BPF_MAP_CREATE, &attributes);
  if (descriptor < 0) {
    fprintf(stderr, "map type %u: %s\n", attributes.map_type, strerror(errno));
    exit(4);
  }
  if (attributes.map_flags & BPF_F_RDONLY_PROG) fill_constants(descriptor, attributes.value_size);
  return descriptor;
}

/* The last line that is no statistics. */
static const char *last_line(void) {
  const char *found = "";
  for (char *line = strtok(log_text, "\n"); line != NULL; line = strtok(NULL, "\n"))
    if (strncmp(line, "processed ", 10) != 0) found = line;
  return found;
}

static void offer(void) {
  union bpf_attr attributes = {};
  attributes.prog_type = next();
  attributes.expected_attach_type = next();
  attributes.attach_btf_id = next();
  attributes.prog_flags = next();
  attributes.insn_cnt = next();
  struct bpf_insn *code = calloc(attributes.insn_cnt, sizeof(*code));
  if (fread(code, sizeof(*code), attributes.insn_cnt, stdin) != attributes.insn_cnt) exit(3);
  for (uint32_t at = 0; at < attributes.insn_cnt; at++) {
    if (code[at].code != WIDE_LOAD) continue;
    if (code[at].src_reg == PSEUDO_MAP || code[at].src_reg == PSEUDO_VALUE) code[at].imm = maps[code[at].imm];
    at++;
  }
  attributes.insns = (uintptr_t)code;
  attributes.license = (uintptr_t)"GPL";
  int descriptor = bpf(BPF_PROG_LOAD, &attributes);
  if (descriptor < 0) {
    int problem = errno;
    log_text[0] = 0;
    attributes.log_buf = (uintptr_t)log_text;
    attributes.log_size = LOG_BYTES;
    attributes.log_level = 1;
    bpf(BPF_PROG_LOAD, &attributes);
    const char *line = last_line();
    printf("- %s\n", line[0] == 0 ? strerror(problem) : line);
  } else {
    printf("+\n");
    close(descriptor);
  }
  free(code);
}

int main(void) {
  uint32_t count = next();
  if (count > MOST_MAPS) return 3;
  for (uint32_t index = 0; index < count; index++) maps[index] = create_map();
  for (count = next(); count > 0; count--) offer();
  return 0;
}
