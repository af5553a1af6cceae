//! Stands in for file content until its branch is merged.
use std::sync::Arc;
/// Bytes.
#[derive(Clone, Debug, Default)]
pub struct Content(Option<Arc<Vec<u8>>>);
impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()).map(Arc::new))
    }
}
impl Content {
    /// Bytes.
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |bytes| bytes.len() as u64)
    }
    /// Charged.
    pub fn charged(&self) -> u64 {
        0
    }
    /// Chunks.
    pub fn chunk_count(&self) -> u64 {
        u64::from(!self.is_empty())
    }
    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
    /// Same bytes by pointer.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}
