"""Compiles the C# of one file as `dotnet build` compiles that of a new console project: `csharp.py DOTNET ROSLYN SOURCE OUTPUT`.

The compiler is Microsoft's own, called through Python.NET, since no registry that the tests use has a .NET SDK. What the SDK would add to a new project is
added here: its implicit usings and nullable references. A warning fails as an error does. `OUTPUT/Program.dll` is then run by `DOTNET/dotnet`.
"""

import json
import sys
from pathlib import Path

from clr_loader import get_coreclr
from pythonnet import load

USINGS = ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading", "System.Threading.Tasks"]


def compiled(dotnet, roslyn, source, output):
    """What the compiler has to say: warnings and errors."""
    [framework] = (dotnet / "shared/Microsoft.NETCore.App").iterdir()
    settings = output / "Program.runtimeconfig.json"
    wanted = {"name": "Microsoft.NETCore.App", "version": framework.name}
    settings.write_text(json.dumps({"runtimeOptions": {"framework": wanted}}))
    load(get_coreclr(runtime_config=str(settings), dotnet_root=str(dotnet)))
    import clr

    sys.path.append(str(roslyn))
    clr.AddReference("Microsoft.CodeAnalysis.CSharp")
    from Microsoft.CodeAnalysis import DiagnosticSeverity, FileSystemExtensions, MetadataReference, NullableContextOptions, OutputKind, SyntaxTree
    from Microsoft.CodeAnalysis.CSharp import CSharpCompilation, CSharpCompilationOptions, CSharpSyntaxTree
    from System.Collections.Generic import List

    trees, references = List[SyntaxTree](), List[MetadataReference]()
    for text in [source.read_text(), *(f"global using global::{name};" for name in USINGS)]:
        trees.Add(CSharpSyntaxTree.ParseText(text))
    for library in framework.glob("*.dll"):
        references.Add(MetadataReference.CreateFromFile(str(library)))
    options = CSharpCompilationOptions(OutputKind.ConsoleApplication).WithNullableContextOptions(NullableContextOptions.Enable)
    compilation = CSharpCompilation.Create("Program", trees, references, options)
    emitted = FileSystemExtensions.Emit(compilation, str(output / "Program.dll"))
    # What is hidden is for editors: of all implicit usings hardly a program needs each.
    return [str(told) for told in emitted.Diagnostics if told.Severity != DiagnosticSeverity.Hidden]


if __name__ == "__main__":
    sys.exit("\n".join(compiled(*map(Path, sys.argv[1:]))) or None)
