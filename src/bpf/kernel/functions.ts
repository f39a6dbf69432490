/** Functions of the kernel by what they take: from its types where they are given, otherwise those that are often looked at. */
import { type Btf, type BtfType, resolveType } from "../object/btf.ts";

/** An argument, or a result. */
export interface FunctionArgument {
  readonly name: string;
  /** The struct that it leads to, where it is such a pointer. */
  readonly struct?: string;
}

export interface FunctionType {
  readonly parameters: readonly FunctionArgument[];
  readonly returned?: FunctionArgument;
}

/** By name. */
export type FunctionTypes = ReadonlyMap<string, FunctionType>;

/**
 * `NAME ARGUMENT[:STRUCT]... [-> STRUCT]`: of Linux 6.18, by its types; and of kernels before it what was called otherwise or is gone
 * (`blk_account_io_start` and `mark_page_accessed` with pages, `do_page_cache_ra`, `kmem_cache_alloc`, `account_page_dirtied`).
 */
const KNOWN = `
inet_bind sock:socket uaddr:sockaddr addr_len
inet6_bind sock:socket uaddr:sockaddr addr_len
inet_listen sock:socket backlog
inet_csk_accept sk:sock arg -> sock
tcp_v4_connect sk:sock uaddr:sockaddr addr_len
tcp_v6_connect sk:sock uaddr:sockaddr addr_len
tcp_connect sk:sock
tcp_rcv_state_process sk:sock skb:sk_buff
tcp_rcv_established sk:sock skb:sk_buff
tcp_v4_syn_recv_sock sk:sock skb:sk_buff req:request_sock dst:dst_entry req_unhash:request_sock own_req -> sock
tcp_v6_syn_recv_sock sk:sock skb:sk_buff req:request_sock dst:dst_entry req_unhash:request_sock own_req -> sock
tcp_sendmsg sk:sock msg:msghdr size
tcp_recvmsg sk:sock msg:msghdr len flags
tcp_cleanup_rbuf sk:sock copied
tcp_close sk:sock timeout
tcp_set_state sk:sock state
tcp_retransmit_skb sk:sock skb:sk_buff segs
udp_sendmsg sk:sock msg:msghdr len
ip_rcv skb:sk_buff dev:net_device pt:packet_type orig_dev:net_device
blk_account_io_start rq:request
blk_account_io_done rq:request now
__blk_account_io_start rq:request
__blk_account_io_done rq:request now
blk_account_io_merge_bio rq:request
blk_mq_start_request rq:request
submit_bio bio:bio
md_flush_request mddev:mddev bio:bio
generic_file_read_iter iocb:kiocb iter:iov_iter
btrfs_file_read_iter iocb:kiocb to:iov_iter
btrfs_file_write_iter iocb:kiocb from:iov_iter
btrfs_file_open inode:inode file:file
btrfs_sync_file file:file start end datasync
btrfs_getattr idmap:mnt_idmap path:path stat:kstat request_mask flags
ext4_file_read_iter iocb:kiocb to:iov_iter
ext4_file_write_iter iocb:kiocb from:iov_iter
ext4_file_open inode:inode file:file
ext4_sync_file file:file start end datasync
ext4_file_getattr idmap:mnt_idmap path:path stat:kstat request_mask query_flags
nfs_file_read iocb:kiocb to:iov_iter
nfs_file_write iocb:kiocb from:iov_iter
nfs_file_open inode:inode file:file
nfs_file_fsync file:file start end datasync
nfs_getattr idmap:mnt_idmap path:path stat:kstat request_mask query_flags
xfs_file_read_iter iocb:kiocb to:iov_iter
xfs_file_write_iter iocb:kiocb from:iov_iter
xfs_file_open inode:inode file:file
xfs_file_fsync file:file start end datasync
xfs_vn_getattr idmap:mnt_idmap path:path stat:kstat request_mask query_flags
vfs_read file:file buf count pos
vfs_write file:file buf count pos
vfs_fsync file:file datasync
vfs_open path:path file:file
vfs_create idmap:mnt_idmap dir:inode dentry:dentry mode want_excl
vfs_unlink idmap:mnt_idmap dir:inode dentry:dentry delegated_inode
security_inode_create dir:inode dentry:dentry mode
do_sys_openat2 dfd filename how:open_how
do_filp_open dfd pathname:filename op:open_flags -> file
do_unlinkat dfd name:filename
add_to_page_cache_lru page:page mapping:address_space index gfp
filemap_add_folio mapping:address_space folio:folio index gfp
mark_page_accessed page:page
folio_mark_accessed folio:folio
account_page_dirtied page:page mapping:address_space
folio_account_dirtied folio:folio mapping:address_space
mark_buffer_dirty bh:buffer_head
do_page_cache_ra ractl:readahead_control nr_to_read lookahead_size
page_cache_ra_unbounded ractl:readahead_control nr_to_read lookahead_size
__page_cache_alloc gfp -> page
filemap_alloc_folio gfp order -> folio
migrate_misplaced_page page:page vma:vm_area_struct node
migrate_misplaced_folio folio:folio node
oom_kill_process oc:oom_control message
kmem_cache_alloc cachep:kmem_cache flags
kmem_cache_alloc_noprof s:kmem_cache gfpflags
kfree object
cap_capable cred:cred target_ns:user_namespace cap opts
mutex_lock lock:mutex
mutex_trylock lock:mutex
mutex_lock_interruptible lock:mutex
mutex_lock_killable lock:mutex
mutex_unlock lock:mutex
down_read sem:rw_semaphore
down_read_trylock sem:rw_semaphore
down_read_interruptible sem:rw_semaphore
down_read_killable sem:rw_semaphore
up_read sem:rw_semaphore
down_write sem:rw_semaphore
down_write_trylock sem:rw_semaphore
down_write_killable sem:rw_semaphore
up_write sem:rw_semaphore
try_to_wake_up p:task_struct state wake_flags
wake_up_new_task p:task_struct
handle_mm_fault vma:vm_area_struct address flags regs:pt_regs
`;

function argumentOf(text: string): FunctionArgument {
  const [name = "", struct] = text.split(":");
  return struct === undefined ? { name } : { name, struct };
}

const returning = (struct: string | undefined): Pick<FunctionType, "returned"> => ({
  returned: struct === undefined ? { name: "ret" } : { name: "ret", struct },
});

/** Those that are often looked at. */
export function known(): FunctionTypes {
  const rows = KNOWN.trim().split("\n");
  return new Map(
    rows.map((row) => {
      const [call = "", struct] = row.split(" -> ");
      const [name = "", ...args] = call.split(" ");
      return [name, { parameters: args.map(argumentOf), ...returning(struct) }];
    }),
  );
}

let table: FunctionTypes | undefined;

/** The struct that a pointer leads to. */
function structAt(btf: Btf, id: number): string | undefined {
  const type = resolveType(btf, id);
  if (type.kind !== "pointer") return undefined;
  const target = resolveType(btf, type.type);
  return (target.kind === "struct" || target.kind === "fwd") && target.name !== "" ? target.name : undefined;
}

function typeIn(kernel: Btf, { type: id }: BtfType & { readonly kind: "func" }): FunctionType | undefined {
  const type = resolveType(kernel, id);
  if (type.kind !== "func_proto") return undefined;
  const parameters = type.parameters.map(({ name = "", type: parameter }) => {
    const struct = structAt(kernel, parameter);
    return struct === undefined ? { name } : { name, struct };
  });
  return { parameters, ...returning(structAt(kernel, type.type)) };
}

/**
 * What functions take.
 * @param kernel its types, where they are given: they go before what is known
 */
export function functionTypes(names: ReadonlySet<string>, kernel: Btf | undefined): FunctionTypes {
  table ??= known();
  const found = new Map([...table].filter(([name]) => names.has(name)));
  for (const type of kernel?.types ?? []) {
    const own = type.kind === "func" && names.has(type.name) ? typeIn(kernel as Btf, type) : undefined;
    if (own !== undefined) found.set(type.name, own);
  }
  return found;
}
