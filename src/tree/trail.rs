//! The path of where a descent is: one buffer for all levels.

/// A path that grows and shrinks by components. The root is empty while it is a trail, so that
/// every component adds a slash and itself.
#[derive(Debug, Clone, Default)]
pub struct Trail(String);

impl Trail {
    /// The trail that stands at a normalised path.
    #[must_use]
    pub fn at(path: &str) -> Self {
        Self(if path == "/" { String::new() } else { path.to_owned() })
    }

    /// Bytes now, for [`back_to`](Self::back_to).
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Goes back to where the trail was of that length.
    pub fn back_to(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Goes down to the entry `name`.
    pub fn push(&mut self, name: &str) {
        self.0.push('/');
        self.0.push_str(name);
    }

    /// The normalised path of where it stands.
    #[must_use]
    pub fn path(&self) -> String {
        if self.0.is_empty() { "/".to_owned() } else { self.0.as_str().to_owned() }
    }

    /// The normalised path of the entry `name` of where it stands.
    #[must_use]
    pub fn path_of(&self, name: &str) -> String {
        let mut path = String::with_capacity(self.0.len() + 1 + name.len());
        path.push_str(&self.0);
        path.push('/');
        path.push_str(name);
        path
    }
}
