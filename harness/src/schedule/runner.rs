//! Who runs a round: a backend of this program, or a bridge to another one.

use crate::allocator;
use crate::backend::Backend;
use crate::isolate;
use crate::python::{self, Python};
use crate::store::Answer;
use crate::workload::{Isolation, Params, Round, Workload};

/// Runs rounds for one column of the tables.
pub trait Runner {
    /// Its name in results and on the command line.
    fn name(&self) -> &str;

    /// One sentence for people.
    fn about(&self) -> &str;

    /// The backend of this program that it is; `None` for a bridge to another one.
    fn backend(&self) -> Option<&Backend> {
        None
    }

    /// Does everything once on a fresh store and checks the answers.
    ///
    /// # Errors
    /// Those of [`Workload::round`].
    fn round(&mut self, workload: &dyn Workload, params: &Params) -> Answer<Round>;
}

impl Runner for Backend {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn backend(&self) -> Option<&Backend> {
        Some(self)
    }

    fn round(&mut self, workload: &dyn Workload, params: &Params) -> Answer<Round> {
        match workload.isolation(params) {
            Isolation::Shared => {
                allocator::settle();
                workload.round(self, params)
            }
            Isolation::Process => isolate::round(workload, self.name, params),
        }
    }
}

impl Runner for Python {
    fn name(&self) -> &str {
        python::NAME
    }

    fn about(&self) -> &str {
        python::ABOUT
    }

    fn round(&mut self, workload: &dyn Workload, params: &Params) -> Answer<Round> {
        Python::round(self, workload, params)
    }
}
