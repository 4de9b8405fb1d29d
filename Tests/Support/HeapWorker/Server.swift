struct Server { func run() {} }
