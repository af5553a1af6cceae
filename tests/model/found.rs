//! What the model found in the engine, each in as few calls as show it.

use arcfs::{ErrorKind, MemFs};

fn names(error: &arcfs::Error) -> (Option<&str>, Option<&str>) {
    (error.path(), error.other_path())
}

#[test]
fn a_call_on_two_paths_names_both_in_order_whichever_is_wrong() {
    let fs = MemFs::new();
    let error = fs.exchange("a/.", "/..").unwrap_err();
    assert_eq!(names(&error), (Some("/a"), Some("/..")));
    let error = fs.copy("/..", "//b").unwrap_err();
    assert_eq!(names(&error), (Some("/.."), Some("/b")));
    let error = fs.exchange("/a", "/").unwrap_err();
    assert_eq!(names(&error), (Some("/a"), Some("/")));

    fs.write("/a", "1").unwrap();
    fs.create_dir("/d").unwrap();
    let held = fs.create("/d/held").unwrap();
    for error in [fs.rename("/a", "/d/held/x"), fs.exchange("/a", "/d"), fs.replace("/d", "/e")] {
        let error = error.unwrap_err();
        assert!(error.other_path().is_some_and(|other| other != "/d/held"), "{error:?}");
        assert!(error.path().is_some_and(|path| path != "/d/held"), "{error:?}");
    }
    drop(held);
}

#[test]
fn move_path_judges_its_arguments_before_existence() {
    let fs = MemFs::new();
    assert_eq!(fs.move_path("/missing", "/missing/x/y").unwrap_err().kind(), &ErrorKind::InvalidInput);
}
