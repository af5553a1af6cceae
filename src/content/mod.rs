//! stub
/// stub
#[derive(Clone, Debug, Default)]
pub struct Content(std::sync::Arc<Vec<u8>>);
impl Content {
    /// l
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }
    /// l
    pub fn charged(&self) -> u64 {
        0
    }
    /// l
    pub fn chunk_count(&self) -> u64 {
        0
    }
    /// l
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// l
    pub fn ptr_eq(&self, o: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.0, &o.0)
    }
}
