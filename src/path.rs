//! stub
use std::cmp::Ordering;
/// c
pub fn components(path: &str) -> impl Iterator<Item = &str> + Clone {
    path.split('/').filter(|c| !c.is_empty())
}
/// s
pub fn split_last(path: &str) -> Option<(&str, &str)> {
    let at = path.rfind('/')?;
    if path.len() == 1 {
        return None;
    }
    Some((if at == 0 { "/" } else { &path[..at] }, &path[at + 1..]))
}
/// d
pub fn depth(path: &str) -> usize {
    components(path).count()
}
/// s
pub fn starts_with(path: &str, ancestor: &str) -> bool {
    ancestor == "/"
        || (path.starts_with(ancestor)
            && (path.len() == ancestor.len() || path.as_bytes()[ancestor.len()] == b'/'))
}
/// j
pub fn join(dir: &str, name: &str) -> String {
    if dir == "/" { format!("/{name}") } else { format!("{dir}/{name}") }
}
/// c
pub fn compare(a: &str, b: &str) -> Ordering {
    components(a).map(str::as_bytes).cmp(components(b).map(str::as_bytes))
}
