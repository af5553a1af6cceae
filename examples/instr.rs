//! Temporary.
use arcfs::*;
use std::io::{Read, Write};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: usize = a[2].parse().unwrap();
    let fs = MemFs::with_quota(4 << 30);
    let paths: Vec<String> = (0..100).map(|i| format!("/d/file_{i:06}.bin")).collect();
    fs.import_tree(paths.iter().map(|p| (p.as_str(), vec![7u8; 4096]))).unwrap();
    let bytes = [9u8; 4096];
    let big = vec![1u8; 1 << 20];
    fs.write("/big", &big).unwrap();
    let mut buf = Vec::new();
    for i in 0..n {
        let p = &paths[i * 37 % 100];
        match a[1].as_str() {
            "read" => drop(std::hint::black_box(fs.read(p).unwrap())),
            "into" => fs.read_into(p, &mut buf).map(drop).unwrap(),
            "write" => fs.write(p, bytes).unwrap(),
            "create" => fs.write(&format!("/d/new_{i}"), bytes).unwrap(),
            "openw" => {
                let mut f = OpenOptions::new().write(true).truncate(true).open(&fs, p).unwrap();
                f.write_all(&bytes).unwrap();
                f.close().unwrap();
            }
            "stream" => {
                let mut f = fs.create("/s").unwrap();
                for c in big[..262144].chunks(4096) {
                    f.write_all(c).unwrap();
                }
                f.close().unwrap();
            }
            "inplace" => {
                let mut f = OpenOptions::new().write(true).open(&fs, "/big").unwrap();
                for _ in 0..64 {
                    f.write_at(&bytes, 8192).unwrap();
                }
                f.close().unwrap();
            }
            "random" => {
                let s = fs.snapshot();
                let mut f = OpenOptions::new().write(true).open(&fs, "/big").unwrap();
                for j in 0..64u64 {
                    f.write_at(&bytes, (j * 37 + i as u64) % 256 * 4096).unwrap();
                }
                f.close().unwrap();
                drop(s);
                fs.write("/big", &big).unwrap();
            }
            "readh" => {
                let mut f = fs.open("/big").unwrap();
                let mut b = [0u8; 4096];
                for _ in 0..64 {
                    f.read_exact(&mut b).unwrap();
                }
            }
            _ => panic!(),
        }
    }
}
